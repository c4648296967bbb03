# frozen_string_literal: true

# The frame of the stories that the Ruby client plays on a broker.
#
# A program marks its stories with `story "a sentence" do ... end` and ends with `tell_all`. Every story opens its own
# connections and removes what it made. The broker is named by the environment: AMQP_HOST, AMQP_PORT, AMQP_USER,
# AMQP_PASSWORD, AMQP_VHOST. Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the reason as `# `
# lines below. A story that lasts longer than its limit fails.

require "securerandom"
require "timeout"

STORY_LIMIT_S = 20
WAIT_LIMIT_S = 10

# What the broker did is not what the story tells.
class StoryFailure < StandardError
end

STORIES = {}

def story(name, &tell)
  STORIES[name] = tell
end

# A name that no other story uses.
def unique(word)
  "story.#{word}.#{SecureRandom.hex(5)}"
end

def expect(condition, what)
  raise StoryFailure, what unless condition
end

def expect_equal(actual, expected, what)
  expect(actual == expected, "#{what}: expected #{expected.inspect}, got #{actual.inspect}")
end

# Asks again until the block is true, for what no event tells.
def wait_until(what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + WAIT_LIMIT_S
  until yield
    expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline, "#{what} within #{WAIT_LIMIT_S} s")
    Thread.pass
  end
end

# The next `count` things that a callback has put in a queue.
def taken(queue, count, what)
  Timeout.timeout(WAIT_LIMIT_S) { Array.new(count) { queue.pop } }
rescue Timeout::Error
  raise StoryFailure, "#{what} within #{WAIT_LIMIT_S} s"
end

# The reason why the story failed; nil when it went as told.
def play(tell)
  Timeout.timeout(STORY_LIMIT_S, StoryFailure, "not finished within #{STORY_LIMIT_S} s") { tell.call }
  nil
rescue StandardError => e
  "#{e.class}: #{e.message}\n#{e.backtrace.first(6).join("\n")}"
end

# Plays all stories, or those whose names contain the program's first argument, and ends the program.
def tell_all
  chosen = STORIES.select { |name, _| name.include?(ARGV.fetch(0, "")) }
  $stdout.sync = true
  puts "1..#{chosen.size}"
  failed = chosen.count do |name, tell|
    reason = play(tell)
    puts reason ? "not ok #{name}" : "ok #{name}"
    puts reason.gsub(/^/, "# ") if reason
    reason
  end
  # Threads that a client left behind after a failure must not keep the program alive.
  exit!(failed.zero? ? 0 : 1)
end
