#pragma once

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/event/loop.h"
#include "common/net/connection.h"
#include "common/net/listener.h"
#include "common/net/tls_context.h"
#include "common/redis/resp.h"
#include "tests/support/temporary_folder.h"

namespace hubgate::test {

/// A Redis of pub/sub alone in the loop of the test, on a Unix socket in a folder of its own (or on a port, in plain or
/// TLS), that fails when told to: drops links, keeps confirmations back, falls silent, wants a password, goes away and
/// comes back.
class FakeRedis {
 public:
  struct Command {
    std::vector<std::string> words;
    std::size_t link;  // counted from 0 in the order of their coming
  };

  enum class Kind { kUnix, kTcp, kTls };

  explicit FakeRedis(event::Loop& loop, Kind kind = Kind::kUnix) : loop_(loop), kind_(kind) {
    if (kind == Kind::kTls) {
      if (!net::make_self_signed_pair(folder_ / "redis.crt", folder_ / "redis.key")) throw std::runtime_error("key");
      tls_ = net::TlsContext::make_server(folder_ / "redis.crt", folder_ / "redis.key").value();
    }
    come_back();
  }
  ~FakeRedis() { go_away(); }
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  std::string path() const { return folder_ / "redis.sock"; }
  std::string url() const {
    switch (kind_) {
      case Kind::kUnix: return "unix:" + path();
      case Kind::kTcp: return "redis://127.0.0.1:" + std::to_string(port_);
      case Kind::kTls: break;
    }
    return "rediss://localhost:" + std::to_string(port_) + "?ca_file=" + folder_ / "redis.crt";
  }

  /// All that was asked, PING and ROLE left out.
  const std::vector<Command>& commands() const { return commands_; }
  void forget_commands() { commands_.clear(); }
  /// The channels named by a command (SUBSCRIBE, UNSUBSCRIBE), or the channel of each PUBLISH, in order.
  std::vector<std::string> channels_of(std::string_view name) const {
    std::vector<std::string> channels;
    for (const Command& command : commands_) {
      if (command.words.front() != name) continue;
      const auto end = name == "PUBLISH" ? command.words.begin() + 2 : command.words.end();
      channels.insert(channels.end(), command.words.begin() + 1, end);
    }
    return channels;
  }
  std::size_t links() const { return links_.size(); }
  std::size_t pings() const { return pings_; }
  /// Links that the other side has ended with RST.
  std::size_t resets() const { return resets_; }
  std::size_t subscribers_of(const std::string& channel) const {
    return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(),
                                                  [&](const auto& link) { return link->channels.contains(channel); }));
  }

  /// Another client's PUBLISH; the number of subscribers.
  std::size_t publish(const std::string& channel, std::string_view payload) {
    std::size_t receivers = 0;
    for (const auto& link : links_) {
      if (!link->channels.contains(channel)) continue;
      ++receivers;
      link->say("*3\r\n" + bulk("message") + bulk(channel) + bulk(payload));
    }
    return receivers;
  }

  /// As when Redis is killed: the socket is gone and every link broken.
  void go_away() {
    listener_.reset();
    ::unlink(path().c_str());
    drop_links();
  }
  void come_back() {
    auto address = net::Address::parse(kind_ == Kind::kUnix ? "unix:" + path() : "127.0.0.1:" + std::to_string(port_));
    auto socket = net::open_listening_socket(*address);
    if (!socket) throw std::runtime_error(socket.error().what);
    listener_.emplace(loop_, *std::move(socket), [this](Descriptor accepted, const net::Address&) {
      auto tls = tls_ ? tls_->accept(accepted.get()) : nullptr;
      links_.push_back(std::make_unique<Link>(*this, std::move(accepted), std::move(tls), next_link_++));
    });
    port_ = listener_->address().port();
  }
  void drop_links() {
    for (auto& link : links_) {
      link->connection.close();
      loop_.dispose_value(std::move(link));
    }
    links_.clear();
  }
  /// The same with RST.
  void reset_links() {
    for (auto& link : links_) {
      link->connection.reset();
      loop_.dispose_value(std::move(link));
    }
    links_.clear();
  }
  /// Links that have subscriptions only, or only those that have none.
  void drop_links_if(bool subscribing) {
    for (auto& link : links_) {
      if (link->channels.empty() == subscribing) continue;
      link->connection.close();
      loop_.dispose_value(std::move(link));
    }
    std::erase(links_, nullptr);
  }
  /// SUBSCRIBE is done but not confirmed until it is switched off again.
  void hold_confirmations(bool hold) {
    holding_ = hold;
    if (hold) return;
    for (const auto& link : links_) {
      for (const std::string& text : std::exchange(link->held, {})) link->say(text);
    }
  }
  /// Reads and answers nothing, PING neither, as when the process is stopped.
  void fall_silent(bool silent) { silent_ = silent; }
  /// PUBLISH is done but not answered.
  void hold_answers(bool hold) { holding_answers_ = hold; }
  /// As after a failover: it answers as before, but is not the primary any more.
  void become_replica(bool replica) { is_replica_ = replica; }
  void want_password(std::string password) { password_ = std::move(password); }
  /// Subscriptions to this channel are answered with an error.
  void refuse_channel(std::string channel) { refused_channel_ = std::move(channel); }

 private:
  struct Link final : net::Connection::Handler {
    Link(FakeRedis& owner, Descriptor socket, std::unique_ptr<net::TlsTransport> tls, std::size_t place)
        : redis(owner), number(place), connection(owner.loop_, std::move(socket), std::move(tls), *this) {}
    std::size_t on_data(MutableBytes input) override {
      reader.feed(input);
      while (connection.is_open()) {
        const auto command = reader.next();
        if (!command || *command == nullptr) break;
        std::vector<std::string> words;
        for (const redis::Reply& word : (*command)->elements) words.push_back(word.text);
        redis.answer(*this, std::move(words));
      }
      return input.size();
    }
    void on_closed(net::CloseReason reason) override {
      if (reason == net::CloseReason::kReset) ++redis.resets_;
      redis.forget(*this);
    }
    void say(const std::string& text) {
      if (!redis.silent_) connection.write(text);
    }

    FakeRedis& redis;
    std::size_t number;
    net::Connection connection;
    redis::RespReader reader;
    std::set<std::string> channels;
    std::vector<std::string> held;
    bool let_in = false;
  };

  static std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
  }

  void forget(Link& link) {
    for (auto& kept : links_) {
      if (kept.get() == &link) loop_.dispose_value(std::move(kept));
    }
    std::erase(links_, nullptr);
  }

  void answer(Link& link, std::vector<std::string> words) {
    const std::string name = words.front();
    if (name == "PING") {
      ++pings_;
    } else if (name != "ROLE") {
      commands_.push_back({words, link.number});
    }
    if (name == "AUTH") {
      link.let_in = words.back() == password_;
      return link.say(link.let_in ? "+OK\r\n" : "-WRONGPASS invalid username-password pair\r\n");
    }
    if (!password_.empty() && !link.let_in) return link.say("-NOAUTH Authentication required.\r\n");
    if (name == "PING") return link.say(link.channels.empty() ? "+PONG\r\n" : "*2\r\n" + bulk("pong") + bulk(""));
    if (name == "ROLE") {
      return link.say(is_replica_
                          ? "*5\r\n" + bulk("slave") + bulk("127.0.0.1") + ":6379\r\n" + bulk("connect") + ":0\r\n"
                          : "*3\r\n" + bulk("master") + ":0\r\n*0\r\n");
    }
    if (name == "SUBSCRIBE" || name == "UNSUBSCRIBE") {
      for (std::size_t i = 1; i < words.size(); ++i) change(link, name == "SUBSCRIBE", words[i]);
      return;
    }
    if (name == "PUBLISH") {
      const std::size_t receivers = publish(words[1], words[2]);
      if (!holding_answers_) link.say(":" + std::to_string(receivers) + "\r\n");
      return;
    }
    link.say("+OK\r\n");  // CLIENT SETNAME, SELECT
  }

  void change(Link& link, bool subscribe, const std::string& channel) {
    if (subscribe && channel == refused_channel_) return link.say("-NOPERM no access to this channel\r\n");
    if (subscribe) {
      link.channels.insert(channel);
    } else {
      link.channels.erase(channel);
    }
    std::string text = "*3\r\n" + bulk(subscribe ? "subscribe" : "unsubscribe") + bulk(channel) + ":" +
                       std::to_string(link.channels.size()) + "\r\n";
    if (holding_) {
      link.held.push_back(std::move(text));
    } else {
      link.say(text);
    }
  }

  event::Loop& loop_;
  const Kind kind_;
  TemporaryFolder folder_;
  std::shared_ptr<const net::TlsContext> tls_;
  std::uint16_t port_ = 0;  // of the first start; the same ever after
  std::optional<net::Listener> listener_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Command> commands_;
  std::string password_;
  std::string refused_channel_;
  std::size_t next_link_ = 0;
  std::size_t pings_ = 0;
  std::size_t resets_ = 0;
  bool holding_ = false;
  bool holding_answers_ = false;
  bool silent_ = false;
  bool is_replica_ = false;
};

}  // namespace hubgate::test
