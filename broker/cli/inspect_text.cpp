// What people read of `leveret inspect`.

#include <array>
#include <cstdio>
#include <span>
#include <string>

#include "broker/cli/definition_book.hpp"
#include "broker/cli/inspect_output.hpp"
#include "broker/cli/readable.hpp"
#include "broker/cli/segment_contents.hpp"

namespace leveret::cli {

namespace {

constexpr std::size_t label_width = 16;

void print_line(const std::string& label, const std::string& text) {
  const std::size_t width = label.size() < label_width ? label_width - label.size() : 1;
  std::printf("%s%s%s\n", label.c_str(), std::string(width, ' ').c_str(), text.c_str());
}

void print_table(const char* title, const TextTable& table) {
  std::printf("\n%s\n%s", title, table.text().c_str());
}

std::string group_text(const FileGroup& group) {
  return readable_count(group.count) + ", " + readable_size(group.size_bytes);
}

void print_summary(const StoreContents& contents) {
  print_line("data directory", contents.path);
  print_line("node", hexadecimal(contents.found.identity.node_id) + ", format " +
                         std::to_string(storage::format_version));
  if (!contents.found.problem.empty()) {
    print_line("identity", contents.found.problem + "; the node is the one of the segments");
  } else if (!contents.found.identity.is_set_up) {
    print_line("identity", "the first boot has not been finished");
  }
  if (contents.holder) {
    print_line("in use", "by process " + std::to_string(*contents.holder) +
                             "; its files change while they are read");
  }
  print_line("segments", group_text(contents.segment_files));
  print_line("indexes", group_text(contents.index_files));
  print_line("spares", group_text(contents.spare_files));
  const QueueContents totals = contents.totals();
  print_line("messages", readable_count(totals.ready_count) + " ready, " +
                             readable_count(totals.delivered_count) + " delivered, bodies of " +
                             readable_size(totals.body_size_bytes) + ", in " +
                             readable_count(contents.queues.size(), "queue"));
  print_line("next", storage::segment_name(contents.recovered.next_segment) + ", epoch " +
                         std::to_string(contents.recovered.epoch));
  if (!contents.refusal.empty()) {
    print_line("a start", "would be refused: " + contents.refusal);
    print_line("", "what follows is without what is damaged");
  } else {
    print_line("a start", contents.notes.empty() ? "would note nothing" : "would note:");
    for (const std::string& note : contents.notes) print_line("", note);
  }
}

void print_checkpoints(const StoreContents& contents) {
  TextTable table({"file", ">segment", ">epoch", ">size", ">definitions", ">live", "state"});
  for (const CheckpointContents& one : contents.checkpoints) {
    table.add({one.file, std::to_string(one.segment), std::to_string(one.epoch),
               readable_size(one.size_bytes), readable_count(one.definition_count),
               readable_count(one.live_reference_count),
               one.problem.empty() ? "right" : one.problem});
  }
  if (!table.empty()) print_table("checkpoints", table);
}

void print_definitions(const DefinitionBook& book) {
  TextTable table({"kind", ">count"});
  for (const auto& [kind, count] : book.counts()) {
    if (count > 0) table.add({kind, readable_count(count)});
  }
  if (!table.empty()) print_table("definitions", table);
}

void print_queues(const StoreContents& contents, const DefinitionBook& book) {
  TextTable table({"vhost", "queue", ">number", ">ready", ">delivered", ">bodies",
                   "oldest published", "newest published"});
  for (const auto& [number, queue] : contents.queues) {
    const QueueName* name = book.queue(number);
    table.add({name == nullptr ? "" : printable(name->vhost),
               name == nullptr ? "(not defined)" : name->shown(),
               std::to_string(number), readable_count(queue.ready_count),
               readable_count(queue.delivered_count), readable_size(queue.body_size_bytes),
               readable_time(queue.oldest_at_ms), readable_time(queue.newest_at_ms)});
  }
  print_table("queues with messages", table);
}

std::string segment_state(const storage::SegmentSurvey& survey) {
  if (!survey.header) return survey.header_problem;
  if (!survey.damaged.empty()) {
    return "damaged at byte " + std::to_string(survey.damaged.front().begin);
  }
  return survey.is_sealed ? "sealed" : "open";
}

void print_segments(storage::FileSystem& files, const StoreContents& contents) {
  TextTable table({">segment", ">generation", ">file", ">end", ">frames", ">messages", ">settled",
                   ">delivered", ">define", ">undefine", ">undefine all", ">returned",
                   ">references", ">live", ">dead", "state", "index"});
  for (const SegmentContents& one : read_segments(files, contents)) {
    const storage::SegmentSurvey& survey = one.survey;
    std::vector<std::string> row{
        std::to_string(one.number),
        survey.header ? std::to_string(survey.header->generation) : "?",
        readable_size(survey.file_size_bytes), readable_count(survey.end_position),
        readable_count(survey.frame_count)};
    for (std::size_t kind = 1; kind < survey.record_counts.size(); ++kind) {
      row.push_back(readable_count(survey.record_counts[kind]));
    }
    for (std::string cell :
         {readable_count(survey.reference_count), readable_count(one.live_count),
          std::to_string(one.dead_percent()) + "%", segment_state(survey), one.index}) {
      row.push_back(std::move(cell));
    }
    table.add(std::move(row));
  }
  print_table("segments", table);
}

std::string message_text(const StoreContents& contents, const DefinitionBook& book,
                         std::uint32_t segment, const storage::RecordView& record) {
  const auto message = storage::read_message(record.payload);
  if (!message) return "cannot be read";
  std::string text = "published " + readable_time(message->header.published_at_ms) + ", body of " +
                     readable_size(message->header.body_size_bytes);
  if (message->header.expiration_ms != storage::no_expiration) {
    text += ", expires after " + readable_count(message->header.expiration_ms) + " ms";
  }
  for (std::uint32_t i = 0; i < message->header.queue_count; ++i) {
    const std::uint32_t ordinal = record.header.first_ordinal + i;
    text += "; #" + std::to_string(ordinal) + " in " + book.queue_text(message->queue(i)) + ", " +
            std::string(name_of(state_of(contents, segment, ordinal)));
  }
  return text;
}

std::string runs_text(const storage::RecordView& record) {
  std::string text;
  for (const storage::ReferenceRun& run : storage::read_runs(record.payload)) {
    text += text.empty() ? "" : ", ";
    text += std::to_string(run.segment) + "#" + std::to_string(run.first_ordinal);
    if (run.count < 2) continue;
    text += "-" + std::to_string(std::uint64_t{run.first_ordinal} + run.count - 1);
  }
  return text;
}

std::string returns_text(const storage::RecordView& record) {
  std::string text;
  for (const storage::ReferenceReturns& one : storage::read_returns(record.payload)) {
    text += text.empty() ? "" : ", ";
    text += std::to_string(one.segment) + "#" + std::to_string(one.ordinal) + " back " +
            std::to_string(one.returns().count) + (one.returns().is_out ? " times, out" : " times");
  }
  return text;
}

std::string content_text(const StoreContents& contents, const DefinitionBook& book,
                         std::uint32_t segment, const storage::RecordView& record) {
  switch (record.header.kind) {
    case storage::RecordKind::message: return message_text(contents, book, segment, record);
    case storage::RecordKind::settled:
    case storage::RecordKind::delivered: return runs_text(record);
    case storage::RecordKind::returned: return returns_text(record);
    case storage::RecordKind::define: {
      const auto definition = storage::read_definition(record.payload);
      return definition ? DefinitionBook::describe(definition->key, definition->value)
                        : "cannot be read";
    }
    case storage::RecordKind::undefine:
    case storage::RecordKind::undefine_all:
      return DefinitionBook::describe(storage::read_text(record.payload));
  }
  return "";
}

void print_records(storage::FileSystem& files, const StoreContents& contents,
                   const DefinitionBook& book, std::uint64_t count_max) {
  std::printf("\nrecords\n");
  std::uint32_t last_segment = 0;
  for_each_record(files, contents, count_max,
                  [&](std::uint32_t segment, const storage::SurveyedRecord& record) {
                    if (segment != last_segment) std::printf("  segment %u\n", segment);
                    last_segment = segment;
                    const storage::RecordHeader& header = record.view.header;
                    std::printf("    byte %-10llu %-13s %8s  %s%s\n",
                                static_cast<unsigned long long>(record.position),
                                std::string(name_of(header.kind)).c_str(),
                                readable_size(header.size_bytes).c_str(),
                                content_text(contents, book, segment, record.view).c_str(),
                                record.frame_is_whole ? "" : " (of a damaged frame)");
                  });
}

}  // namespace

void print_text(storage::FileSystem& files, const StoreContents& contents,
                const InspectOptions& options) {
  const DefinitionBook book(contents.recovered.state.definitions());
  print_summary(contents);
  print_checkpoints(contents);
  print_definitions(book);
  if (options.queues) print_queues(contents, book);
  if (options.segments) print_segments(files, contents);
  if (options.records) print_records(files, contents, book, options.record_count_max);
}

}  // namespace leveret::cli
