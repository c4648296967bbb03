#include "broker/admin/gzip.hpp"

#include <zlib.h>

#include "protocol/base/assert.hpp"

namespace leveret::admin {

std::string gzip(std::string_view bytes) {
  constexpr int window_bits_with_gzip_header = 15 + 16;
  constexpr int memory_level = 8;
  z_stream stream{};
  const int begun = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits_with_gzip_header,
                                 memory_level, Z_DEFAULT_STRATEGY);
  LEVERET_ASSERT(begun == Z_OK, "there is memory to compress with");
  std::string compressed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int ended = deflate(&stream, Z_FINISH);
  LEVERET_ASSERT(ended == Z_STREAM_END, "what deflateBound() says is enough");
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

}  // namespace leveret::admin
