#pragma once

namespace hubgate::proxy {

/// How a TCP connection finds out that its peer has vanished: keepalive after 60 s of silence, then every 15 s, four
/// times; and 60 s for what was sent and not acknowledged. Set once by the proxy; a socket that is handed over keeps
/// it. Nothing on other sockets.
void watch_for_lost_peer(int fd);

}  // namespace hubgate::proxy
