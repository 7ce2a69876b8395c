#include "hub/protocol/record_reader.h"

#include <cstring>

namespace hubgate::hub {

Result<std::optional<std::string_view>> RecordReader::next(Bytes input) {
  const std::string_view text = as_text(input);
  const std::size_t end = text.find(kRecordSeparator, scanned_);
  const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
  if (max_record_ != 0 && size > max_record_) {
    return make_error(ErrorCode::kTooLarge, "a record is longer than allowed", Side::kDownstream);
  }
  if (end == std::string_view::npos) {
    scanned_ = text.size();
    return std::optional<std::string_view>();
  }
  scanned_ = 0;
  return std::optional<std::string_view>(text.substr(0, end));
}

}  // namespace hubgate::hub
