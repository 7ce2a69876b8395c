#include "hub/core/hub_connection.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "hub/core/http_facts.h"
#include "hub/core/hub_connection_handler.h"
#include "hub/protocol/handshake_protocol.h"
#include "hub/protocol/record.h"

namespace hubgate::hub {

HubConnection::HubConnection(HubConnectionHandler& handler, ConnectionContext& connection)
    : HubConnectionContext(connection), handler_(handler), waiting_since_(handler.around_.timers.now()) {
  count_writes(handler.counters_.messages_out);
}

HubConnection::~HubConnection() {
  // Hub code may still wait, and the lifetime manager know us, only when the server is taken down.
  if (registered_) handler_.around_.lifetime.on_disconnected(*this);
  if (work_ == nullptr) return;
  for (const auto& call : work_->calls) call->forget_connection();
}

void HubConnection::move_to(State state) {
  // Handshaking → Connected → Closing → Closed; a failed handshake and a taken down server skip forward.
  assert(state > state_);
  state_ = state;
}

HubConnection::Work& HubConnection::work() {
  if (work_ == nullptr) work_ = std::make_unique<Work>();
  return *work_;
}

void HubConnection::drop_work_if_idle() {
  if (work_ == nullptr || !work_->calls.empty() || !line_is_empty() || work_->ending || work_->aborted) return;
  work_.reset();
}

void HubConnection::schedule() { handler_.schedule(*this); }

// ---- handshake

std::size_t HubConnection::on_input(MutableBytes input) {
  std::size_t taken = 0;
  if (state_ == State::kHandshaking) {
    taken = read_handshake(input);
    if (state_ == State::kHandshaking) {
      inside_message_ = !input.empty();
      return taken;
    }
  }
  if (input_over_) return input.size();
  return taken + read_messages(input.subspan(taken));
}

std::size_t HubConnection::read_handshake(Bytes input) {
  std::size_t scanned = scanned_;
  const auto record = cut_record(input, handler_.max_message(), scanned);
  scanned_ = static_cast<std::uint32_t>(scanned);
  if (!record) {
    fail_handshake(kHandshakeCanceled);
    return input.size();
  }
  if (!*record) return 0;

  const Result<HandshakeRequest> request = parse_handshake_request(**record);
  if (!request) {
    fail_handshake(with_detail(std::string(kHandshakeFailed), request.error().what, handler_.options_.detailed_errors));
    return input.size();
  }
  const Result<const HubProtocol*> chosen = choose_protocol(*request, handler_.protocols_);
  if (!chosen) {
    fail_handshake(chosen.error().what);
    return input.size();
  }
  if (!transport()->set_transfer_format((*chosen)->transfer_format())) {
    fail_handshake(unsupported_transfer_format(**chosen));
    return input.size();
  }
  set_protocol(**chosen);
  open();
  return (*record)->size() + 1;
}

void HubConnection::fail_handshake(std::string_view error) {
  ++handler_.counters_.failed_handshakes;
  handler_.around_.log.debug("handshake failed", {{"connection", log_id()}, {"error", error}});
  transport()->write(handshake_failure(error));
  close_transport();
  move_to(State::kClosed);
}

void HubConnection::open() {
  move_to(State::kConnected);
  waiting_since_ = last_heard_ = handler_.around_.timers.now();
  Result<std::string> user = handler_.around_.dispatcher.user_of(RequestHttpFacts(*transport()));
  transport()->write(handshake_success());
  if (!user) {
    opening_over_ = true;
    Ending ending = with_error(user.error().what);
    ending.allow_reconnect = false;
    return end(std::move(ending));
  }
  set_user_identifier(std::move(*user));
  // What comes meanwhile waits in line: no call of the client runs before on_connected has ended.
  registered_ = true;
  handler_.register_connection(*this);
}

void HubConnection::on_registered(const Result<void>& result) {
  if (state_ != State::kConnected || !result) opening_over_ = true;
  if (state_ != State::kConnected) return schedule();
  if (!result) return end(with_error("IOException: " + result.error().what));
  handler_.around_.dispatcher.connected(*this);
}

void HubConnection::on_opened(const HubCall& call) {
  opening_over_ = true;
  opened_ = !call.failure();
  if (state_ != State::kConnected) return;
  if (call.failure()) {
    Ending ending;
    ending.close_error =
        with_detail(std::string(error_text::kClosedWithError), *call.failure(), handler_.options_.detailed_errors);
    return end(std::move(ending));
  }
  if (transport() != nullptr && !handler_.options_.keep_http_facts) transport()->drop_facts();
}

// ---- messages

std::size_t HubConnection::read_messages(Bytes input) {
  const std::size_t size = input.size();
  ParseState parsing{handler_.max_message(), scanned_};
  HubMessage& message = handler_.message_;
  const bool is_last = reading_paused_;  // shown in spite of the pause: the input ends, and this is the rest of it
  while (!input_over_ && (is_last || !reading_paused_) && !input.empty()) {
    const ParseResult parsed = protocol().parse(input, parsing, message);
    if (parsed.status == ParseStatus::kNeedMore) break;
    if (parsed.status == ParseStatus::kViolation) {
      ++handler_.counters_.broken_messages;
      end_in_order(with_error(parsed.violation));
      break;
    }
    ++handler_.counters_.messages_in;
    heard_ = true;
    const Bytes raw = input.first(parsed.taken);
    input = input.subspan(parsed.taken);
    if (parsed.status == ParseStatus::kMessage && !receive(message)) append_to_line(raw);
  }
  if (input_over_) return size;
  scanned_ = static_cast<std::uint32_t>(parsing.scanned);
  inside_message_ = !input.empty();
  return size - input.size();
}

bool HubConnection::receive(const HubMessage& message) {
  switch (message.type) {
    case MessageType::kInvocation:
    case MessageType::kStreamInvocation:
      if (!opened_ || !line_is_empty()) return false;
      return handler_.around_.dispatcher.dispatch(*this, message) == HubDispatcher::Outcome::kHandled;
    case MessageType::kPing: pings_ = true; return true;
    case MessageType::kClose: {
      Ending ending;
      ending.reason = message.error;
      end_in_order(std::move(ending));
      return true;
    }
    default:
      // Answers, items and cancellations of what is not open, acks without stateful reconnect: ignored, as in SignalR.
      return true;
  }
}

void HubConnection::append_to_line(Bytes message) {
  Work& busy = work();
  busy.line.append(message);
  if (busy.line.size() > handler_.max_waiting() && !reading_paused_) {
    reading_paused_ = true;
    transport()->pause_reading();
  }
}

void HubConnection::walk_line() {
  while (state_ == State::kConnected && opened_ && !line_is_empty()) {
    ParseState parsing{0, 0};  // its size was judged when it came
    const ParseResult parsed = protocol().parse(work_->line.bytes(), parsing, handler_.message_);
    assert(parsed.status == ParseStatus::kMessage);
    // The bytes stay where they are while the call runs, even if it ends the connection: end() only passes them over.
    if (handler_.around_.dispatcher.dispatch(*this, handler_.message_) == HubDispatcher::Outcome::kMustWait) return;
    if (line_is_empty()) return;  // it was dropped with all that waited
    work_->line.pop(parsed.taken);
    heard_ = true;  // the client's time runs from the end of the last dispatch
  }
}

void HubConnection::resume_if_relieved() {
  if (work_ != nullptr && work_->line.empty()) work_->line.release();
  const std::size_t held = work_ == nullptr ? 0 : work_->line.size();
  if (!reading_paused_ || held > handler_.max_waiting() / 2) return;
  reading_paused_ = false;
  heard_ = true;  // it could not be heard meanwhile
  if (transport() != nullptr && !transport_closed_) transport()->resume_reading();
}

void HubConnection::advance() {
  if (state_ == State::kConnected) {
    walk_line();
    resume_if_relieved();
    if (work_ != nullptr && work_->ending && may_end()) end(std::move(*work_->ending));
  }
  if (state_ == State::kClosing && opening_over_ && !disconnecting_) start_disconnected();
  drop_work_if_idle();
}

// ---- calls

bool HubConnection::has_free_slot() const {
  return work_ == nullptr || work_->calls.size() < handler_.options_.maximum_parallel_invocations;
}

void HubConnection::keep(std::shared_ptr<HubCall> call) { work().calls.push_back(std::move(call)); }

void HubConnection::hold(const std::shared_ptr<HubCall>& call) {
  call->set_held_since(handler_.around_.timers.now());
  Work& busy = work();
  if (std::find(busy.calls.begin(), busy.calls.end(), call) == busy.calls.end()) busy.calls.push_back(call);
}

void HubConnection::on_call_settled(HubCall& call) {
  switch (call.kind()) {
    case HubCall::Kind::kInvocation: complete(call); break;
    case HubCall::Kind::kConnected: on_opened(call); break;
    case HubCall::Kind::kDisconnected: finish(); break;
  }
  forget(call);
}

void HubConnection::complete(HubCall& call) {
  if (call.invocation_id.empty() || state_ != State::kConnected || is_aborted()) return;
  if (call.failure()) {
    return complete_with_error(call.invocation_id, with_detail(error_text::unexpected_error(call.method),
                                                               *call.failure(), handler_.options_.detailed_errors));
  }
  CompletionView completion{.invocation_id = call.invocation_id, .result = &call.result()};
  const Result<Payload> written = protocol().write_completion(completion);
  if (!written) return on_write_failed(written.error());
  ++handler_.counters_.messages_out;
  transport()->write(*written);
}

void HubConnection::complete_with_error(std::string_view invocation_id, std::string_view error) {
  if (state_ != State::kConnected || is_aborted()) return;
  CompletionView completion{.invocation_id = invocation_id, .error = error};
  const Result<Payload> written = protocol().write_completion(completion);
  if (!written) return on_write_failed(written.error());
  ++handler_.counters_.messages_out;
  transport()->write(*written);
}

void HubConnection::forget(const HubCall& call) {
  if (work_ == nullptr) return;  // it ended at once, nobody waits
  std::erase_if(work_->calls, [&](const auto& kept) { return kept.get() == &call; });
  schedule();
}

void HubConnection::abort_by_hub() {
  if (state_ == State::kConnected) end({});
}

CancelToken HubConnection::aborted_token() {
  std::optional<CancelToken>& token = work().aborted;
  if (!token) token.emplace();
  if (lost_ && !token->is_cancelled()) static_cast<void>(token->cancel());  // nobody waits for it yet
  return *token;
}

const ConnectionContext* HubConnection::facts_holder() const {
  const bool kept = !transport_closed_ && (handler_.options_.keep_http_facts || !opening_over_);
  return kept ? transport() : nullptr;
}

}  // namespace hubgate::hub
