#pragma once

#include <string>
#include <vector>

namespace hubgate::proxy {

/// Rows of texts, printed in columns as wide as their widest cell.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  /// As many cells as the head.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace hubgate::proxy
