// What machines read of `leveret inspect`. Keys are not renamed; new ones may come.

#include <cstdio>
#include <string>

#include "broker/cli/definition_book.hpp"
#include "broker/cli/inspect_output.hpp"
#include "broker/cli/json_writer.hpp"
#include "broker/cli/readable.hpp"
#include "broker/cli/segment_contents.hpp"

namespace leveret::cli {

namespace {

void text_or_null(JsonWriter& json, std::string_view name, const std::string& text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_summary(JsonWriter& json, const StoreContents& contents) {
  json.member("data_dir", contents.path);
  json.member("format", storage::format_version);
  json.member("node_id", hexadecimal(contents.found.identity.node_id));
  text_or_null(json, "identity_problem", contents.found.problem);
  json.member("first_boot_finished", contents.found.identity.is_set_up);
  json.key("in_use_by_process");
  if (contents.holder) {
    json.value(static_cast<std::uint64_t>(*contents.holder));
  } else {
    json.null();
  }
  text_or_null(json, "refusal", contents.refusal);
  json.key("notes");
  json.begin_array();
  for (const std::string& note : contents.notes) json.value(note);
  json.end_array();
  const QueueContents totals = contents.totals();
  json.key("totals");
  json.begin_object();
  json.member("segments", contents.segment_files.count);
  json.member("segment_bytes", contents.segment_files.size_bytes);
  json.member("indexes", contents.index_files.count);
  json.member("index_bytes", contents.index_files.size_bytes);
  json.member("spares", contents.spare_files.count);
  json.member("spare_bytes", contents.spare_files.size_bytes);
  json.member("ready", totals.ready_count);
  json.member("delivered", totals.delivered_count);
  json.member("body_bytes", totals.body_size_bytes);
  json.member("queues_with_messages", contents.queues.size());
  json.member("next_segment", contents.recovered.next_segment);
  json.member("epoch", contents.recovered.epoch);
  json.end_object();
}

void write_checkpoints(JsonWriter& json, const StoreContents& contents) {
  json.key("checkpoints");
  json.begin_array();
  for (const CheckpointContents& one : contents.checkpoints) {
    json.begin_object();
    json.member("file", one.file);
    json.member("valid", one.problem.empty());
    text_or_null(json, "problem", one.problem);
    json.member("size_bytes", one.size_bytes);
    json.member("segment", one.segment);
    json.member("epoch", one.epoch);
    json.member("definitions", one.definition_count);
    json.member("live_references", one.live_reference_count);
    json.end_object();
  }
  json.end_array();
}

void write_definitions(JsonWriter& json, const DefinitionBook& book) {
  json.key("definitions");
  json.begin_object();
  for (const auto& [kind, count] : book.counts()) json.member(kind, count);
  json.end_object();
}

void write_queue_name(JsonWriter& json, const DefinitionBook& book, std::uint64_t number) {
  const QueueName* name = book.queue(number);
  json.member("number", number);
  json.member("defined", name != nullptr);
  text_or_null(json, "vhost", name == nullptr ? "" : name->vhost);
  text_or_null(json, "name", name == nullptr ? "" : name->name);
  if (name != nullptr && name->is_exchange) json.member("is_exchange", true);
}

void write_queues(JsonWriter& json, const StoreContents& contents, const DefinitionBook& book) {
  json.key("queues");
  json.begin_array();
  for (const auto& [number, queue] : contents.queues) {
    json.begin_object();
    write_queue_name(json, book, number);
    json.member("ready", queue.ready_count);
    json.member("delivered", queue.delivered_count);
    json.member("body_bytes", queue.body_size_bytes);
    json.member("oldest_published_ms", queue.oldest_at_ms);
    json.member("newest_published_ms", queue.newest_at_ms);
    json.end_object();
  }
  json.end_array();
}

void write_segments(JsonWriter& json, storage::FileSystem& files, const StoreContents& contents) {
  json.key("segments");
  json.begin_array();
  for (const SegmentContents& one : read_segments(files, contents)) {
    const storage::SegmentSurvey& survey = one.survey;
    json.begin_object();
    json.member("segment", one.number);
    text_or_null(json, "header_problem", survey.header_problem);
    json.member("generation", survey.header ? survey.header->generation : 0U);
    json.member("epoch", survey.epoch);
    json.member("file_bytes", survey.file_size_bytes);
    json.member("end", survey.end_position);
    json.member("sealed", survey.is_sealed);
    json.member("frames", survey.frame_count);
    json.key("records");
    json.begin_object();
    for (std::size_t kind = 0; kind < survey.record_counts.size(); ++kind) {
      json.member(name_of(static_cast<storage::RecordKind>(kind)), survey.record_counts[kind]);
    }
    json.end_object();
    json.member("references", survey.reference_count);
    json.member("live_references", one.live_count);
    json.member("live_bytes", one.live_size_bytes);
    json.member("dead_percent", one.dead_percent());
    json.member("index", one.index);
    json.key("damaged");
    json.begin_array();
    for (const storage::DamagedRange& range : survey.damaged) {
      json.begin_object();
      json.member("begin", range.begin);
      json.member("end", range.end);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

void write_message(JsonWriter& json, const StoreContents& contents, const DefinitionBook& book,
                   std::uint32_t segment, const storage::RecordView& record) {
  const auto message = storage::read_message(record.payload);
  if (!message) return;
  json.member("published_ms", message->header.published_at_ms);
  json.key("expiration_ms");
  if (message->header.expiration_ms == storage::no_expiration) {
    json.null();
  } else {
    json.value(message->header.expiration_ms);
  }
  json.member("body_bytes", message->header.body_size_bytes);
  json.key("references");
  json.begin_array();
  for (std::uint32_t i = 0; i < message->header.queue_count; ++i) {
    const std::uint32_t ordinal = record.header.first_ordinal + i;
    json.begin_object();
    json.member("ordinal", ordinal);
    json.member("state", name_of(state_of(contents, segment, ordinal)));
    json.key("queue");
    json.begin_object();
    write_queue_name(json, book, message->queue(i));
    json.end_object();
    json.end_object();
  }
  json.end_array();
}

void write_runs(JsonWriter& json, const storage::RecordView& record) {
  json.key("runs");
  json.begin_array();
  for (const storage::ReferenceRun& run : storage::read_runs(record.payload)) {
    json.begin_object();
    json.member("segment", run.segment);
    json.member("first_ordinal", run.first_ordinal);
    json.member("count", run.count);
    json.end_object();
  }
  json.end_array();
}

void write_returns(JsonWriter& json, const storage::RecordView& record) {
  json.key("returns");
  json.begin_array();
  for (const storage::ReferenceReturns& one : storage::read_returns(record.payload)) {
    json.begin_object();
    json.member("segment", one.segment);
    json.member("ordinal", one.ordinal);
    json.member("count", one.returns().count);
    json.member("is_out", one.returns().is_out);
    json.end_object();
  }
  json.end_array();
}

void write_record(JsonWriter& json, const StoreContents& contents, const DefinitionBook& book,
                  std::uint32_t segment, const storage::SurveyedRecord& record) {
  const storage::RecordView& view = record.view;
  json.begin_object();
  json.member("segment", segment);
  json.member("position", record.position);
  json.member("size_bytes", view.header.size_bytes);
  json.member("kind", name_of(view.header.kind));
  json.member("frame_is_whole", record.frame_is_whole);
  switch (view.header.kind) {
    case storage::RecordKind::message: write_message(json, contents, book, segment, view); break;
    case storage::RecordKind::settled:
    case storage::RecordKind::delivered: write_runs(json, view); break;
    case storage::RecordKind::returned: write_returns(json, view); break;
    case storage::RecordKind::define:
      if (const auto definition = storage::read_definition(view.payload)) {
        json.member("about", DefinitionBook::describe(definition->key, definition->value));
      }
      break;
    case storage::RecordKind::undefine:
    case storage::RecordKind::undefine_all:
      json.member("about", DefinitionBook::describe(storage::read_text(view.payload)));
      break;
  }
  json.end_object();
}

}  // namespace

void print_json(storage::FileSystem& files, const StoreContents& contents,
                const InspectOptions& options) {
  const DefinitionBook book(contents.recovered.state.definitions());
  JsonWriter json(stdout);
  json.begin_object();
  write_summary(json, contents);
  write_checkpoints(json, contents);
  write_definitions(json, book);
  if (options.queues) write_queues(json, contents, book);
  if (options.segments) write_segments(json, files, contents);
  if (options.records) {
    json.key("records");
    json.begin_array();
    for_each_record(files, contents, options.record_count_max,
                    [&](std::uint32_t segment, const storage::SurveyedRecord& record) {
                      write_record(json, contents, book, segment, record);
                    });
    json.end_array();
  }
  json.end_object();
}

}  // namespace leveret::cli
