#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/connections/connection_context.h"

namespace hubgate::hub::test {

/// A handler that writes down what it hears. It takes all input, unless `take` says how much.
struct Recorder final : ConnectionHandler {
  explicit Recorder(ConnectionContext& connection) : context(&connection) {}
  std::size_t on_input(MutableBytes bytes) override {
    shown.emplace_back(as_text(bytes));
    const std::size_t taken = take ? take(as_text(bytes)) : bytes.size();
    input += as_text(bytes).substr(0, taken);
    return taken;
  }
  void on_input_end(InputEnd why, std::string_view text) override {
    ends.push_back(std::string(to_string(why)));
    error = text;
    if (at_end) at_end();
  }
  void on_shutdown() override { ++shutdowns; }
  void on_cut() override {
    ++cuts;
    context->abort();
  }
  void on_drained() override { ++drained; }

  ConnectionContext* context;  // nullptr once it was released
  std::function<std::size_t(std::string_view)> take;
  std::function<void()> at_end;
  std::vector<std::string> shown;
  std::string input;
  std::vector<std::string> ends;
  std::string error;
  int shutdowns = 0;
  int cuts = 0;
  int drained = 0;
};

/// Accepts every connection with a Recorder, and keeps all of them.
struct RecordingAcceptor final : ConnectionAcceptor {
  ConnectionHandler& accept(ConnectionContext& connection) override {
    recorders.push_back(std::make_unique<Recorder>(connection));
    query = connection.facts().query;
    remote_address = connection.facts().remote_address;
    return *recorders.back();
  }
  void released(ConnectionContext& connection) override {
    for (auto& recorder : recorders) {
      if (recorder->context == &connection) recorder->context = nullptr;
    }
    ++releases;
  }
  Recorder& last() { return *recorders.back(); }

  std::vector<std::unique_ptr<Recorder>> recorders;
  std::string query;
  std::string remote_address;
  int releases = 0;
};

}  // namespace hubgate::hub::test
