#include "broker/cli/damage_report.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "broker/cli/definition_book.hpp"
#include "broker/cli/json_writer.hpp"
#include "broker/cli/readable.hpp"

namespace leveret::cli {

namespace {

bool losses_are_likely(const storage::Verdict& verdict) {
  return std::any_of(verdict.segments.begin(), verdict.segments.end(), [](const auto& segment) {
    return segment.second.losses_are_likely && !segment.second.lost.by_queue.empty();
  });
}

// ---- text ----------------------------------------------------------------------------------

std::string damage_text(const storage::Damage& damage) {
  if (damage.file.empty()) return damage.what;
  std::string text = "log/" + damage.file + " " + damage.what;
  if (damage.position) {
    text += " from byte " + std::to_string(*damage.position) + " on";
    if (damage.size_bytes > 0) text += " (" + readable_count(damage.size_bytes, "byte") + ")";
  }
  if (damage.record_count && *damage.record_count == 0) {
    text += "; nothing is lost by it";
  } else if (damage.record_count) {
    text += "; " + readable_count(*damage.record_count, "record") + " lost";
  }
  return text;
}

std::string damages_text(const DamageReport& report, const storage::Verdict& verdict) {
  std::string text;
  if (!report.found.problem.empty() && &verdict == &report.verdict) {
    text += "  the directory " + report.found.problem + "; its segments tell the node\n";
  }
  for (const storage::Damage& damage : verdict.damages) text += "  " + damage_text(damage) + "\n";
  return text;
}

std::string losses_text(const storage::Verdict& verdict, const DefinitionBook& book) {
  const storage::Losses& lost = verdict.lost;
  if (lost.empty()) return "";
  std::string text = "\nlost: " + readable_count(lost.count(), "message") + "\n";
  TextTable table({"vhost", "queue", ">number", ">messages", ">bodies", "oldest published",
                   "newest published"});
  for (const auto& [number, queue] : lost.by_queue) {
    const QueueName* name = book.queue(number);
    table.add({name == nullptr ? "" : printable(name->vhost),
               name == nullptr ? "(not defined)" : name->shown(), std::to_string(number),
               readable_count(queue.count), readable_size(queue.body_size_bytes),
               readable_time(queue.oldest_at_ms), readable_time(queue.newest_at_ms)});
  }
  if (!table.empty()) text += table.text();
  if (lost.of_unknown_queues > 0) {
    text += "  " + readable_count(lost.of_unknown_queues, "message") +
            " of which the queue is not known\n";
  }
  if (losses_are_likely(verdict)) {
    text += "  Damaged records say that they were of these queues; they may be wrong.\n";
  }
  return text;
}

std::string doubts_text(const storage::Verdict& verdict) {
  std::string text;
  if (verdict.doubtful_settled_count > 0) {
    text += "\n" + readable_count(verdict.doubtful_settled_count, "acknowledgement") +
            " in damaged parts cannot be trusted: those messages come again.\n";
  }
  if (verdict.others_may_be_lost) {
    text += "\nThe damaged parts may have held acknowledgements and definitions, too: messages may "
            "come again;\nqueues, bindings, users and the like may be missing, or be there "
            "although they were deleted.\n";
  }
  return text;
}

std::string repair_text(const DamageReport& report) {
  const Repair& repair = *report.repair;
  std::string text = "\nrepaired; the originals are in " + repair.folder + "\n";
  if (repair.identity_restored) text += "  identity was written anew\n";
  for (const std::string& name : repair.salvaged.copied) {
    text += "  log/" + name + " was copied there and written anew\n";
  }
  for (const std::string& name : repair.salvaged.moved) {
    text += "  log/" + name + " was moved there\n";
  }
  for (const std::string& note : repair.salvaged.notes) text += "  " + note + "\n";
  if (repair.undefined_count > 0) {
    text += "  " + readable_count(repair.undefined_count, "message") +
            " of queues whose definition is lost: the next start drops them\n";
  }
  text += "  the next start begins with log/" + repair.salvaged.checkpoint + "\n";
  if (report.verdict_after && !report.verdict_after->is_clean()) {
    text += "\nnot all could be repaired:\n" + damages_text(report, *report.verdict_after);
  }
  return text;
}

// ---- JSON ----------------------------------------------------------------------------------

void write_damages(JsonWriter& json, const storage::Verdict& verdict) {
  json.begin_array();
  for (const storage::Damage& damage : verdict.damages) {
    json.begin_object();
    json.member("file", damage.file);
    json.key("position");
    if (damage.position) {
      json.value(*damage.position);
    } else {
      json.null();
    }
    json.member("size_bytes", damage.size_bytes);
    json.member("what", damage.what);
    json.key("records_lost");
    if (damage.record_count) {
      json.value(*damage.record_count);
    } else {
      json.null();
    }
    json.end_object();
  }
  json.end_array();
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_losses(JsonWriter& json, const storage::Verdict& verdict, const DefinitionBook& book) {
  json.key("lost");
  json.begin_object();
  json.member("messages", verdict.lost.count());
  json.member("of_unknown_queues", verdict.lost.of_unknown_queues);
  json.member("only_likely", losses_are_likely(verdict));
  json.key("queues");
  json.begin_array();
  for (const auto& [number, queue] : verdict.lost.by_queue) {
    const QueueName* name = book.queue(number);
    json.begin_object();
    json.member("number", number);
    json.member("defined", name != nullptr);
    json.member("vhost", name == nullptr ? "" : name->vhost);
    json.member("name", name == nullptr ? "" : name->name);
    if (name != nullptr && name->is_exchange) json.member("is_exchange", true);
    json.member("messages", queue.count);
    json.member("body_bytes", queue.body_size_bytes);
    json.member("oldest_published_ms", queue.oldest_at_ms);
    json.member("newest_published_ms", queue.newest_at_ms);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void write_repair(JsonWriter& json, const DamageReport& report) {
  json.key("repair");
  if (!report.repair) return json.null();
  json.begin_object();
  json.member("folder", report.repair->folder);
  json.member("identity_restored", report.repair->identity_restored);
  write_texts(json, "copied", report.repair->salvaged.copied);
  write_texts(json, "moved", report.repair->salvaged.moved);
  write_texts(json, "notes", report.repair->salvaged.notes);
  json.member("checkpoint", report.repair->salvaged.checkpoint);
  json.member("messages_of_undefined_queues", report.repair->undefined_count);
  json.key("still_damaged");
  write_damages(json, report.verdict_after ? *report.verdict_after : storage::Verdict{});
  json.end_object();
}

}  // namespace

std::string text_of(const DamageReport& report) {
  const storage::Verdict& verdict = report.verdict;
  const DefinitionBook book(verdict.definitions);
  std::string text = "data directory " + report.path + ", node " +
                     hexadecimal(report.found.identity.node_id) + "\n" +
                     readable_count(verdict.record_count, "record") + " in " +
                     readable_count(verdict.segments.size(), "segment") + " and " +
                     readable_count(verdict.checkpoints.size(), "checkpoint") + " read, " +
                     readable_size(verdict.read_bytes) + "\n";
  for (const std::string& note : verdict.notes) text += "note: " + note + "\n";
  if (report.is_clean()) {
    text += "nothing is damaged\n";
  } else {
    text += "\ndamaged:\n" + damages_text(report, verdict) + losses_text(verdict, book) +
            doubts_text(verdict);
    if (verdict.lost.empty() && !verdict.others_may_be_lost) text += "\nno message is lost\n";
  }
  text += (report.is_clean() ? "" : "\n") +
          readable_count(verdict.live_reference_count, "message") + " in queues and " +
          readable_count(verdict.definitions.size(), "definition") +
          (report.is_clean() ? " are there\n" : " remain\n");
  if (report.repair) text += repair_text(report);
  return text;
}

void print_json(const DamageReport& report) {
  const storage::Verdict& verdict = report.verdict;
  const DefinitionBook book(verdict.definitions);
  JsonWriter json(stdout);
  json.begin_object();
  json.member("data_dir", report.path);
  json.member("node_id", hexadecimal(report.found.identity.node_id));
  json.member("clean", report.is_clean());
  json.member("identity_problem", report.found.problem);
  json.key("damages");
  write_damages(json, verdict);
  write_texts(json, "notes", verdict.notes);
  write_losses(json, verdict, book);
  json.member("doubtful_acknowledgements", verdict.doubtful_settled_count);
  json.member("other_records_may_be_lost", verdict.others_may_be_lost);
  json.member("remaining_messages", verdict.live_reference_count);
  json.member("remaining_definitions", verdict.definitions.size());
  json.member("read_records", verdict.record_count);
  json.member("read_bytes", verdict.read_bytes);
  write_repair(json, report);
  json.end_object();
}

}  // namespace leveret::cli
