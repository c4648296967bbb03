#include "broker/cli/json_writer.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

namespace leveret::cli {
namespace {

std::string written(const std::function<void(JsonWriter&)>& write) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* out = ::open_memstream(&text, &size);
  JsonWriter writer(out);
  write(writer);
  std::fclose(out);
  std::string result(text, size);
  std::free(text);
  return result;
}

TEST(JsonWriter, SeparatesMembersAndValues) {
  const std::string text = written([](JsonWriter& json) {
    json.begin_object();
    json.member("name", "q");
    json.member("count", std::uint64_t{3});
    json.key("list");
    json.begin_array();
    json.begin_object();
    json.end_object();
    json.value(true);
    json.null();
    json.begin_array();
    json.end_array();
    json.end_array();
    json.member("last", false);
    json.end_object();
  });
  EXPECT_EQ(text, "{\"name\": \"q\", \"count\": 3, \"list\": [{}, true, null, []], "
                  "\"last\": false}\n");
}

TEST(JsonWriter, QuotesEverything) {
  EXPECT_EQ(json_string("a\"b\\c\n\x01ü"), "\"a\\\"b\\\\c\\u000a\\u0001ü\"");
  EXPECT_EQ(json_string("\xFF"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(json_string(std::string_view("\0", 1)), "\"\\u0000\"");
}

}  // namespace
}  // namespace leveret::cli
