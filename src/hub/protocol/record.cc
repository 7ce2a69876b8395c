#include "hub/protocol/record.h"

namespace hubgate::hub {

Result<std::optional<std::string_view>> cut_record(Bytes input, std::size_t max_record, std::size_t& scanned) {
  const std::string_view text = as_text(input);
  const std::size_t end = text.find(kRecordSeparator, scanned);
  const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
  if (max_record != 0 && size > max_record) {
    return make_error(ErrorCode::kTooLarge, "a record is longer than allowed", Side::kDownstream);
  }
  if (end == std::string_view::npos) {
    scanned = text.size();
    return std::optional<std::string_view>();
  }
  scanned = 0;
  return std::optional<std::string_view>(text.substr(0, end));
}

}  // namespace hubgate::hub
