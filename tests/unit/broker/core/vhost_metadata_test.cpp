#include "broker/core/vhost_metadata.hpp"

#include <gtest/gtest.h>

namespace leveret::broker {
namespace {

TEST(VhostMetadata, ReadsWhatRabbitMqExports) {
  const auto metadata = parse_vhost_metadata(
      R"({"description": "compute", "tags": ["a", "b"], "default_queue_type": "quorum", "x": 1})");
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->description, "compute");
  EXPECT_EQ(metadata->tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(metadata->default_queue_type, "quorum");
}

TEST(VhostMetadata, ReadsOlderForms) {
  EXPECT_EQ(parse_vhost_metadata(R"({"tags": "a,b"})")->tags,
            (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parse_vhost_metadata(R"({"description": null, "tags": ""})")->tags.empty());
  EXPECT_EQ(parse_vhost_metadata(R"({"default_queue_type": "undefined"})")->default_queue_type,
            "");
}

TEST(VhostMetadata, RefusesWhatIsNone) {
  EXPECT_EQ(parse_vhost_metadata(R"({"default_queue_type": "fast"})").error(),
            "Unsupported default queue type 'fast'");
  EXPECT_EQ(parse_vhost_metadata(R"({"tags": 1})").error(), "tags should be a list");
  EXPECT_EQ(parse_vhost_metadata(R"({"tags": [1]})").error(), "tags should be texts");
  EXPECT_EQ(parse_vhost_metadata(R"({"description": 1})").error(), "description should be a text");
  EXPECT_EQ(parse_vhost_metadata("7").error(), "vhost metadata should be an object");
}

}  // namespace
}  // namespace leveret::broker
