#include "hub/connections/http_session.h"

#include <utility>
#include <variant>

#include "common/base/ascii.h"
#include "common/http/uri.h"
#include "common/websocket/handshake.h"
#include "hub/connections/connection_origin.h"
#include "hub/connections/websocket_transport.h"

namespace hubgate::hub {
namespace {

constexpr std::string_view kText = "text/plain";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kIdRequired = "Connection ID required";
constexpr std::string_view kNoSuchId = "No Connection with that ID";
constexpr std::string_view kForeignPage = "The origin of this page is not allowed here.";
constexpr std::string_view kFull = "The server takes no more connections now.";

/// The value of `id`: a repeated key is one text with commas, which no token is.
std::string id_of(std::string_view query) {
  std::string joined;
  bool first = true;
  for (const std::string& value : http::query_values(query, "id")) {
    if (!std::exchange(first, false)) joined += ',';
    joined += value;
  }
  return joined;
}

/// Exactly this media type among the accepted ones; a parameter defeats it.
bool accepts_event_stream(const http::RequestHead& head) {
  return head.headers.has_token("Accept", "text/event-stream");
}

std::string unsupported(TransportType type) {
  return std::string(to_string(type)) + " transport not supported by this end point type";
}

}  // namespace

HttpSession::HttpSession(HttpConnectionDispatcher& dispatcher, Descriptor socket, ConnectionOrigin origin, Bytes input)
    : dispatcher_(dispatcher),
      origin_(std::move(origin)),
      connection_(std::make_unique<http_server::ServerConnection>(
          dispatcher.loop_, dispatcher.timers_, std::move(socket),
          static_cast<http_server::ServerConnection::Handler&>(*this))) {
  if (!input.empty()) connection_->prepend_input(input);
  if (origin_.is_relayed) return;  // each request names its own
  if (origin_.remote_address.empty()) origin_.remote_address = connection_->peer().to_string();
  if (origin_.local_address.empty()) origin_.local_address = connection_->local().to_string();
}

void HttpSession::on_request(http::RequestHead& head) {
  const auto path = http::normalise_path(head.path());
  if (!path) return answer(head, {400, {}, {}});
  const auto found = dispatcher_.find(path->text);
  page_fields_.clear();
  if (found.path == nullptr) return answer(head, {404, {}, {}});
  if (!admit_page(head, *found.path)) return;
  if (found.is_negotiate) return negotiate(head, *found.path);
  dispatch(head, *found.path);
}

// False when it has been answered: another site's page, or a browser's question what a page may do.
bool HttpSession::admit_page(const http::RequestHead& head, const MappedPath& path) {
  const OriginList::Verdict verdict = path.origins.judge(head, origin_.is_relayed || origin_.epoch != 0);
  path.origins.describe(verdict, head, page_fields_);
  if (verdict == OriginList::Verdict::kRefused) {
    answer(head, {403, kText, kForeignPage});
    return false;
  }
  const bool is_preflight = head.method == "OPTIONS" && head.headers.has("Access-Control-Request-Method");
  if (verdict == OriginList::Verdict::kNoPage || !is_preflight) return true;
  OriginList::describe_preflight(head, page_fields_);
  answer(head, {204, {}, {}});
  return false;
}

void HttpSession::answer(const http::RequestHead& head, const Answer& answer) {
  http::ResponseHead response;
  response.status = answer.status;
  if (!answer.content_type.empty()) response.headers.add("Content-Type", answer.content_type);
  if (answer.is_poll) {
    response.headers.add("Cache-Control", "no-cache, no-store");
    response.headers.add("Expires", "Thu, 01 Jan 1970 00:00:00 GMT");
    response.headers.add("Pragma", "no-cache");
  }
  for (const auto& [name, value] : page_fields_) response.headers.add(name, value);
  if (answer.status == 503) response.headers.add("Retry-After", "1");
  // Bytes behind a refused upgrade are no request, and must not be read as one.
  if (head.upgrade != http::UpgradeOffer::kNone && head.upgrade != http::UpgradeOffer::kOther)
    response.keep_alive = false;
  connection_->respond(std::move(response), answer.body);
}

void HttpSession::negotiate(const http::RequestHead& head, const MappedPath& path) {
  if (head.method != "POST") return answer(head, {405, kText, {}});
  const auto outcome = read_negotiate_query(head.query(), path.options);
  if (const auto* refusal = std::get_if<NegotiateRefusal>(&outcome)) {
    return answer(head, {200, kJson, negotiate_body(*refusal)});
  }
  if (!dispatcher_.has_room(1)) return answer(head, {503, kText, kFull});
  const auto& negotiation = std::get<Negotiation>(outcome);
  HttpConnectionManager& connections = dispatcher_.connections_;
  const HttpConnection& connection = connections.create(path, negotiation);
  answer(head, {200, kJson,
                negotiate_body(negotiation, path.options.transports, connection.connection_id(),
                               connections.token_of(connection))});
}

// The transports that do not exist yet answer as if the endpoint had them disabled.
void HttpSession::dispatch(http::RequestHead& head, const MappedPath& path) {
  const bool is_get = head.method == "GET";
  const bool is_post = head.method == "POST";
  const bool is_delete = head.method == "DELETE";
  if (!is_get && !is_post && !is_delete) return answer(head, {405, kText, {}});

  const bool is_event_stream = is_get && accepts_event_stream(head);
  const bool is_upgrade = is_get && !is_event_stream && head.upgrade == http::UpgradeOffer::kWebSocket;
  const bool is_poll = is_get && !is_event_stream && !is_upgrade;
  const std::string id = id_of(head.query());
  HttpConnection* connection = id.empty() ? nullptr : dispatcher_.connections_.find(id, path);
  if (id.empty() && !is_upgrade) return answer(head, {400, kText, kIdRequired, is_poll});
  if (!id.empty() && connection == nullptr) {
    return answer(head, {404, is_upgrade ? std::string_view() : kText, kNoSuchId, is_poll});
  }
  if (is_upgrade) return upgrade(head, path, connection);
  if (is_event_stream) return answer(head, {404, kText, unsupported(TransportType::kServerSentEvents)});
  if (is_poll) return answer(head, {404, kText, unsupported(TransportType::kLongPolling), true});
  if (is_delete) return answer(head, {400, kText, "Cannot terminate this connection using the DELETE endpoint."});
  if (connection->transport_type() == TransportType::kWebSockets) {
    return answer(head, {405, kText, "POST requests are not allowed for WebSocket connections."});
  }
  // Bytes for a transport that can never be: only a long poll or an event stream would read them.
  answer(head, {404, kText, unsupported(TransportType::kLongPolling)});
}

void HttpSession::upgrade(http::RequestHead& head, const MappedPath& path, HttpConnection* connection) {
  if (!path.options.transports.websockets) return answer(head, {404, kText, unsupported(TransportType::kWebSockets)});
  if (connection != nullptr && connection->state() != HttpConnection::State::kInactive) {
    return answer(head, {409, kText, {}});
  }
  HttpConnectionManager& connections = dispatcher_.connections_;
  if (connection == nullptr) {
    if (!dispatcher_.has_room(0)) return answer(head, {503, kText, kFull});
    connection = &connections.create_unlisted(path);
  }
  std::unique_ptr<net::Connection> socket = connection_->take_connection();
  socket->write(websocket::switching_protocols_head(head.headers.get("Sec-WebSocket-Key")));
  const ConnectionOrigin origin = origin_of(head, origin_);
  auto facts = std::make_unique<RequestFacts>(facts_of(head, origin));
  dispatcher_.remove(*this);  // what this object refers to lives until the end of the turn
  connection->attach(
      [&](Transport::Owner& owner) {
        return std::make_unique<WebSocketTransport>(std::move(socket), connections.options().transport, owner);
      },
      std::move(facts), origin);
}

}  // namespace hubgate::hub
