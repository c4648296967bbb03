// Writes seeds of the corpus for recovery: what the log itself writes, and what may become of it.
//
//   recovery_seeds FOLDER

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "tests/fuzz/log_life.hpp"
#include "tests/unit/storage/faulty_disk.hpp"

namespace leveret::storage {

namespace {

std::string path(const std::string& name) { return image_folder + "/" + name; }

/// A disk and the lives on it.
class World {
 public:
  World() { (void)disk.make_folder(image_folder); }

  /// Without an end: the process dies.
  void live(const std::function<void(LogLife&)>& act, LogSettings settings = small_log()) {
    auto recovered = recover(disk, image_folder, image_node, {});
    if (!recovered) throw std::runtime_error(recovered.error());
    LogLife life(disk, std::move(*recovered), settings);
    act(life);
    if (!life.failures.empty()) throw std::runtime_error(life.failures.front());
  }

  void change(const std::string& name, const std::function<void(std::vector<std::byte>&)>& act) {
    auto bytes = disk.bytes(path(name));
    if (bytes.empty()) throw std::runtime_error("there is no " + name);
    act(bytes);
    disk.put(path(name), std::move(bytes));
  }

  LogFiles files() const {
    LogFiles files;
    for (const std::string& name : disk.names(image_folder)) files[name] = disk.bytes(path(name));
    return files;
  }

  FaultyDisk disk;
};

void commit_text(LogLife& life, const std::string& text) {
  life.append(text);
  life.commit();
}

/// Three segments with messages, the first two sealed.
void fill_three_segments(LogLife& life) {
  for (const char* text : {"one", "two", "three"}) {
    commit_text(life, text + std::string(500, '.'));
    commit_text(life, std::string("beside ") + text);
    if (std::string(text) != "three") life.roll();
  }
}

/// Two segments, each with a checkpoint behind it.
void make_checkpoints(LogLife& life) {
  const LogPlace& place = life.append("in the first segment", {1, 2});
  life.append("alive", {1});
  life.shard().define("a key", "a value");
  life.commit();
  life.roll();
  life.shard().mark_delivered(place, 0);
  life.shard().settle(place, 1);
  life.append("in the second segment", {2});
  life.commit();
  life.roll();
  commit_text(life, "in the third segment");
}

/// A segment of which most is done with, written anew.
void compact(LogLife& life) {
  std::vector<LogPlace> places;
  for (int i = 0; i < 8; ++i) places.push_back(life.append(std::string(300, 'a'), {1, 2}));
  life.commit();
  life.roll();
  for (std::size_t i = 1; i < places.size(); ++i) {
    for (const std::uint32_t index : {0u, 1u}) life.shard().settle(places[i], index);
  }
  life.commit();
  life.roll();
  life.run_seconds(15);
}

void write_plain_seeds(const std::function<void(const std::string&, const World&)>& save) {
  save("empty", World{});
  const auto one_life = [&](const std::string& name, const std::function<void(LogLife&)>& act) {
    World world;
    world.live(act);
    save(name, world);
  };
  one_life("begun", [](LogLife&) {});
  one_life("one_message", [](LogLife& life) { commit_text(life, "hello world"); });
  one_life("attested", [](LogLife& life) {
    commit_text(life, "hello world");
    life.run_seconds(1);
  });
  one_life("closed", [](LogLife& life) {
    commit_text(life, "hello world");
    life.close();
  });
  one_life("fanout", [](LogLife& life) {
    life.append("to many", {1, 2, 3, 4294967296});
    life.append("", {2});
    life.commit();
  });
  one_life("settled", [](LogLife& life) {
    const LogPlace& first = life.append("settled at once", {1, 2});
    const LogPlace& second = life.append("settled later", {1});
    life.shard().settle(first, 0);
    life.commit();
    life.shard().mark_delivered(first, 1);
    life.shard().settle(second, 0);
    life.write_unsynced();
    life.run_seconds(1);
  });
  one_life("returned", [](LogLife& life) {
    const LogPlace& first = life.append("back twice", {1, 2});
    const LogPlace& second = life.append("back, and out again", {1});
    life.shard().mark_delivered(first, 1);
    life.shard().mark_returned(first, 1, {1, false});
    life.commit();
    life.shard().mark_returned(second, 0, {1, true});
    life.roll();
    life.shard().mark_returned(first, 1, {2, false});
    life.commit();
  });
  one_life("definitions", [](LogLife& life) {
    for (const char* key : {"a queue", "another queue", "binding", ""}) {
      life.shard().define(key, "value");
    }
    life.commit();
    life.shard().undefine("binding");
    life.shard().undefine_all("a");
    life.shard().define("", "another value");
    life.commit();
  });
  one_life("three_segments", fill_three_segments);
  one_life("checkpoints", make_checkpoints);
  one_life("compacted", compact);
  one_life("checkpoint_copy", [](LogLife& life) {
    commit_text(life, "before the checkpoint");
    life.roll();
    life.run_seconds(70);
  });
}

void write_damaged_seeds(const std::function<void(const std::string&, const World&)>& save) {
  const auto damaged = [&](const std::string& name, const std::function<void(LogLife&)>& act,
                           const std::function<void(World&)>& damage) {
    World world;
    world.live(act);
    damage(world);
    save(name, world);
  };
  const auto flip = [](std::size_t position) {
    return [=](std::vector<std::byte>& bytes) { bytes.at(position) ^= std::byte{0x10}; };
  };
  damaged("torn_end", [](LogLife& life) {
    commit_text(life, "committed");
    life.append("not synced, and torn");
    life.append("and another one");
    life.write_unsynced();
  }, [&](World& world) { world.change(segment_name(1), flip(512 + 104 + 40 + 64)); });
  damaged("flipped_in_what_was_safe", [](LogLife& life) {
    for (const char* text : {"one", "two", "three"}) commit_text(life, text);
    life.run_seconds(1);
  }, [&](World& world) { world.change(segment_name(1), flip(512 + 70)); });
  damaged("zeros_in_the_middle", fill_three_segments, [](World& world) {
    world.change(segment_name(2), [](std::vector<std::byte>& bytes) {
      std::fill_n(bytes.begin() + 512, 128, std::byte{0});
    });
  });
  damaged("segment_missing", fill_three_segments,
          [](World& world) { world.disk.erase(path(segment_name(2))); });
  damaged("header_gone", fill_three_segments, [&](World& world) {
    world.change(segment_name(1), flip(3));
  });
  damaged("cut_off", [](LogLife& life) { commit_text(life, "hello world"); }, [](World& world) {
    world.change(segment_name(1), [](std::vector<std::byte>& bytes) { bytes.resize(600); });
  });
  damaged("newest_checkpoint_damaged", make_checkpoints, [&](World& world) {
    world.change(checkpoint_name(3), flip(45));
  });
  damaged("no_checkpoint_left", make_checkpoints, [&](World& world) {
    world.change(checkpoint_name(3), flip(45));
    world.change(checkpoint_name(2), flip(1));
    world.disk.erase(path(segment_name(1)));
  });
  damaged("index_damaged", make_checkpoints, [&](World& world) {
    world.change(index_name(1), flip(50));
  });
  damaged("index_unfinished", make_checkpoints, [](World& world) {
    world.change(index_name(1), [](std::vector<std::byte>& bytes) { bytes.resize(52); });
  });
  damaged("compacted_without_checkpoint", compact, [](World& world) {
    for (const std::string& name : world.disk.names(image_folder)) {
      if (name.starts_with("checkpoint-")) world.disk.erase(path(name));
    }
  });
  damaged("unfinished_segment", fill_three_segments, [](World& world) {
    world.disk.put(path(segment_name(9) + ".new"), world.disk.bytes(path(segment_name(1))));
  });
}

/// What a file of the log held in its former life, or that of another node, is still in it.
void write_recycled_seeds(const std::function<void(const std::string&, const World&)>& save) {
  World former;
  former.live(fill_three_segments);
  World recycled;
  recycled.disk.put(path("spare-1"), former.disk.bytes(path(segment_name(3))));
  recycled.live([](LogLife& life) { commit_text(life, "in a recycled file"); });
  save("recycled", recycled);

  World other_number;
  other_number.live([](LogLife& life) { commit_text(life, "first"); });
  other_number.change(segment_name(1), [&](std::vector<std::byte>& bytes) {
    const auto frames = former.disk.bytes(path(segment_name(2)));
    std::copy_n(frames.begin() + 512, 256, bytes.begin() + 512 + 104);
  });
  save("frames_of_another_segment", other_number);

  World punched;
  punched.live(compact);
  punched.change(segment_name(1), [](std::vector<std::byte>& bytes) {
    const std::size_t end = std::min<std::size_t>(bytes.size(), 1024);
    std::fill(bytes.begin() + 552, bytes.begin() + static_cast<std::ptrdiff_t>(end),
              std::byte{0});
  });
  save("punched", punched);

  World many_lives;
  for (const char* text : {"one", "two", "three"}) {
    many_lives.live([&](LogLife& life) { commit_text(life, text); });
    many_lives.disk.crash_losing_nothing();
  }
  save("many_lives", many_lives);
}

}  // namespace

}  // namespace leveret::storage

int main(int argc, char** argv) try {
  using namespace leveret::storage;
  if (argc != 2) throw std::runtime_error("wanted: the folder that gets the seeds");
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto save = [&](const std::string& name, const World& world) {
    const auto image = write_image(world.files(), Mending::all);
    // The one as it is; in the other what a fuzzer changes gets new check sums.
    for (const bool is_mended : {false, true}) {
      auto bytes = image;
      if (!is_mended) bytes[0] = std::byte{0};
      std::ofstream file(folder / (is_mended ? name + "_mended" : name), std::ios::binary);
      file.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
      if (!file.flush()) throw std::runtime_error("cannot write to " + folder.string());
    }
  };
  write_plain_seeds(save);
  write_damaged_seeds(save);
  write_recycled_seeds(save);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
