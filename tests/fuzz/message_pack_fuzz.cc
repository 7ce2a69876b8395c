#include "common/base/message_pack.h"
#include "tests/fuzz/input.h"

using namespace hubgate;
using message_pack::Packer;
using message_pack::Reader;
using message_pack::Type;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

// Reads one value by its typed reads, depth bounded, and packs it again. False: it cannot be read.
bool repack(Reader& reader, Packer& packer, int depth) {
  const std::size_t before = reader.position();
  switch (reader.peek()) {
    case Type::kNil:
      require(reader.read_nil());
      packer.write_nil();
      return true;
    case Type::kBool: {
      const auto value = reader.read_bool();
      packer.write_bool(value.value());
      return true;
    }
    case Type::kInteger: {
      if (const auto value = reader.read_int64()) {
        packer.write_integer(*value);
        return true;
      }
      const auto value = reader.read_uint64();
      if (value) packer.write_unsigned(*value);
      return value.has_value();
    }
    case Type::kFloat32: {
      const auto value = reader.read_float32();
      if (value) packer.write_float32(*value);
      return value.has_value();
    }
    case Type::kFloat64: {
      const auto value = reader.read_float64();
      if (value) packer.write_float64(*value);
      return value.has_value();
    }
    case Type::kString: {
      const auto value = reader.read_string();
      if (value) packer.write_string(*value);
      return value.has_value();
    }
    case Type::kBinary: {
      const auto value = reader.read_binary();
      if (value) packer.write_binary(*value);
      return value.has_value();
    }
    case Type::kExtension: {
      if (const auto instant = reader.read_timestamp()) {
        packer.write_timestamp(*instant);
        return true;
      }
      require(reader.position() == before);
      const auto value = reader.read_extension();
      if (value) packer.write_extension(value->type, value->data);
      return value.has_value();
    }
    case Type::kArray:
    case Type::kMap: {
      const bool is_map = reader.peek() == Type::kMap;
      const auto count = is_map ? reader.read_map() : reader.read_array();
      if (!count || depth == message_pack::kMaxDepth) return false;
      if (is_map) {
        packer.write_map(*count);
      } else {
        packer.write_array(*count);
      }
      for (std::size_t i = 0; i < *count * (is_map ? 2 : 1); ++i) {
        if (!repack(reader, packer, depth + 1)) return false;
      }
      return true;
    }
    case Type::kInvalid:
    case Type::kEnd: break;
  }
  return false;
}

}  // namespace

// What is read is skipped over the same way, and reads the same when it is packed anew, in no more bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::byte> shown = fuzz::exact(std::string_view(reinterpret_cast<const char*>(data), size));
  Reader reader{Bytes(shown)};
  while (!reader.at_end()) {
    Reader skipping = reader;
    const bool skipped = skipping.skip();
    const std::size_t before = reader.position();
    std::string packed;
    Packer packer(packed);
    if (!repack(reader, packer, 0)) return 0;
    require(skipped && skipping.position() == reader.position());
    require(packed.size() <= reader.position() - before);
    std::string again;
    Packer second(again);
    Reader repeated{std::string_view(packed)};
    require(repack(repeated, second, 0) && repeated.at_end() && again == packed);
  }
  return 0;
}
