/// The exchange type that federated exchanges elsewhere make here: x-federation-upstream.
#include "broker/core/federation_index.hpp"

#include <gtest/gtest.h>

#include "broker/core/binding_index.hpp"

namespace leveret::broker {
namespace {

using protocol::FieldArray;
using protocol::FieldTable;
using protocol::FieldValue;

FieldTable arguments(std::int64_t max_hops) {
  FieldTable table;
  table.set("x-max-hops", FieldValue::int64(max_hops));
  table.set("x-downstream-name", FieldValue::long_string("down"));
  table.set("x-downstream-vhost", FieldValue::long_string("/"));
  return table;
}

FieldTable received_from(const std::vector<std::string>& clusters) {
  FieldArray places;
  for (const std::string& cluster : clusters) {
    FieldTable place;
    place.set("cluster-name", FieldValue::long_string(cluster));
    place.set("vhost", FieldValue::long_string("/"));
    places.push_back(FieldValue::table(std::move(place)));
  }
  FieldTable headers;
  headers.set("x-received-from", FieldValue::array(std::move(places)));
  return headers;
}

std::size_t reached(const BindingIndex& index, const FieldTable* headers) {
  std::vector<Destination> out;
  index.match("any key", headers, out);
  return out.size();
}

TEST(FederationIndex, IsAFanoutForWhatMayGoOn) {
  BindingIndex index(ExchangeType::federation_upstream, arguments(2));
  ASSERT_TRUE(index.add(BindingKey{Destination{}, "key", {}}));
  EXPECT_TRUE(index.needs_headers());
  EXPECT_FALSE(index.keys_decide());
  EXPECT_FALSE(index.chooses_one());
  const FieldTable once = received_from({"up"});
  const FieldTable twice = received_from({"up", "further.up"});
  const FieldTable was_here = received_from({"down"});
  EXPECT_EQ(reached(index, nullptr), 1U);
  EXPECT_EQ(reached(index, &once), 1U);
  EXPECT_EQ(reached(index, &twice), 0U);
  EXPECT_EQ(reached(index, &was_here), 0U);
}

// The texts are RabbitMQ's.
TEST(FederationIndex, NeedsToKnowHowManyHops) {
  EXPECT_TRUE(check_federation_arguments(arguments(1)));
  EXPECT_EQ(check_federation_arguments({}).error().reply_text(),
            "PRECONDITION_FAILED - Argument x-max-hops missing");
  FieldTable text;
  text.set("x-max-hops", FieldValue::long_string("1"));
  EXPECT_EQ(check_federation_arguments(text).error().reply_text(),
            "PRECONDITION_FAILED - Argument x-max-hops must be of type long");
}

}  // namespace
}  // namespace leveret::broker
