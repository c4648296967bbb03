#include "broker/admin/list_query.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/broker/admin/idle_port.hpp"

namespace leveret::admin {
namespace {

namespace json = boost::json;

const NodeFacts node{};

class ListQueryTest : public testing::Test {
 protected:
  Reply list(const std::string& query, std::string_view rows, Paging paging = Paging::allowed) {
    Call call{port_, node, Verb::get, *parse_request_target("/list?" + query)};
    return list_reply(call, json::parse(rows).as_array(), paging);
  }
  std::string object(const std::string& query, std::string_view object) {
    Call call{port_, node, Verb::get, *parse_request_target("/one?" + query)};
    return object_reply(call, json::parse(object).as_object()).body;
  }
  /// The values of `name`, in their order, as one text.
  std::string names(const std::string& query, std::string_view rows) {
    std::string text;
    const json::value sorted = json::parse(list(query, rows).body);
    for (const json::value& row : sorted.as_array()) {
      text += json::serialize(row.at("name"));
    }
    return text;
  }
  IdlePort port_;
};

constexpr std::string_view abc = R"([{"name":"b","n":2,"d":{"rate":0.5}},{"name":"C","n":10},
                                     {"name":"a","n":null,"d":{"rate":7}}])";

TEST_F(ListQueryTest, SortsByADottedPathAndWhatLacksItComesFirst) {
  EXPECT_EQ(names("", abc), R"("b""C""a")");
  EXPECT_EQ(names("sort=name", abc), R"("C""a""b")");
  EXPECT_EQ(names("sort=n", abc), R"("a""b""C")");
  EXPECT_EQ(names("sort=n&sort_reverse=true", abc), R"("C""b""a")");
  EXPECT_EQ(names("sort=d.rate", abc), R"("C""b""a")");
  EXPECT_EQ(names("sort=no.such", abc), R"("b""C""a")");
}

TEST_F(ListQueryTest, KeepsOnlyTheColumnsThatAreWanted) {
  EXPECT_EQ(list("columns=name,d.rate", R"([{"name":"x","n":1,"d":{"rate":2,"other":3}}])").body,
            R"([{"name":"x","d":{"rate":2}}])");
  EXPECT_EQ(list("columns=l.a", R"([{"l":[{"a":1,"b":2},{"b":3}]}])").body,
            R"([{"l":[{"a":1},{}]}])");
  EXPECT_EQ(list("columns=none", R"([{"name":"x"}])").body, "[{}]");
  EXPECT_EQ(object("columns=name", R"({"name":"x","n":1})"), R"({"name":"x"})");
  EXPECT_EQ(object("columns=", R"({"name":"x"})"), R"({"name":"x"})");
}

TEST_F(ListQueryTest, MakesPages) {
  EXPECT_EQ(list("page=2&page_size=2&sort=name&columns=name", abc).body,
            R"({"total_count":3,"item_count":1,"filtered_count":3,"page":2,"page_size":2,)"
            R"("page_count":2,"items":[{"name":"b"}]})");
  EXPECT_EQ(list("page=1&name=A&columns=name", abc).body,
            R"({"total_count":3,"item_count":1,"filtered_count":1,"page":1,"page_size":100,)"
            R"("page_count":1,"items":[{"name":"a"}]})");
  EXPECT_EQ(list("page=1&name=%5E%5Bab%5D&use_regex=true&sort=name&columns=name", abc).body,
            R"({"total_count":3,"item_count":2,"filtered_count":2,"page":1,"page_size":100,)"
            R"("page_count":1,"items":[{"name":"a"},{"name":"b"}]})");
  // No match: an empty page.
  EXPECT_EQ(list("page=1&name=zz", abc).status, 200U);
  EXPECT_EQ(list("page=1", "[]").status, 200U);
  // Lists that have none ignore it.
  EXPECT_EQ(list("page=1", "[]", Paging::never).body, "[]");
}

TEST_F(ListQueryTest, RefusesPagesThatAreNone) {
  const auto error = [&](const std::string& query) {
    const Reply reply = list(query, abc);
    return std::to_string(reply.status) + " " +
           std::string(json::parse(reply.body).at("error").as_string());
  };
  for (const char* query : {"page=0", "page=-1", "page=1&page_size=0", "page=1&page_size=501"}) {
    EXPECT_EQ(error(query), "400 invalid_pagination_parameters") << query;
  }
  for (const char* query : {"page=x", "page=1&page_size=1x", "page=1&name=%5B&use_regex=true"}) {
    EXPECT_EQ(error(query), "400 bad_request") << query;
  }
  EXPECT_EQ(error("page=3&page_size=2"), "400 page_out_of_range");
  EXPECT_EQ(error("page=99999999"), "400 page_out_of_range");
  // The page right after a full last one is there.
  EXPECT_EQ(list("page=2&page_size=3", abc).status, 200U);
}

}  // namespace
}  // namespace leveret::admin
