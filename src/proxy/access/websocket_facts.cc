#include "proxy/access/websocket_facts.h"

namespace hubgate::proxy {

AccessRecord record_of(const WebSocketFacts& facts, AccessRecord::Kind kind) {
  AccessRecord record;
  record.kind = kind;
  record.way = facts.way;
  record.request_id = facts.request_id;
  record.client = facts.client;
  record.listener = facts.listener;
  record.tls = facts.tls;
  record.method = "GET";
  record.path = facts.path;
  record.status = 101;
  record.route = facts.route;
  record.pool = facts.pool;
  record.endpoint = facts.endpoint;
  record.generation = facts.key.generation;
  record.revision = facts.revision;
  record.affinity = facts.affinity;
  record.action = facts.action;
  return record;
}

}  // namespace hubgate::proxy
