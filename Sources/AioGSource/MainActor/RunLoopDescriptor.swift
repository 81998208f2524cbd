// The descriptor that is readable when Foundation's main run loop has something to do. No interface gives it away, so it is
// looked for: each mode of a run loop has an epoll set with a timerfd in it, and the kernel shows how timerfds are set. The
// one that a timer of ours moves is the default mode's, and the set that has it is the descriptor. Main thread only.

import CSwiftRuntime
import Glibc

enum RunLoopDescriptor {
  /// nil if it is not to be found: there is no /proc, or a timer is due too soon to be told from ours.
  static func find() -> CInt? {
    let loop = aiogs_run_loop_main()
    let next = aiogs_run_loop_next_date(loop)
    let untilNext = next != 0 ? next - aiogs_run_loop_now() : .infinity
    if untilNext < 0.2 { return nil }
    // Sooner than any other, so that the timerfd is set to it; and no round number, which others might have.
    let distance = min(untilNext / 2, 1_234_567.8)
    let tolerance = distance / 10
    let before = settings()
    guard let timer = aiogs_run_loop_add_timer(loop, distance) else { return nil }
    let after = settings()
    aiogs_run_loop_remove_timer(timer)
    let moved = after.filter { entry in
      let wasThere = before[entry.key].map { abs($0 - distance) < tolerance } ?? false
      return abs(entry.value - distance) < tolerance && !wasThere
    }
    let sets = descriptors(of: "anon_inode:[eventpoll]").filter { set in
      DescriptorInfo.watched(information(set)).contains { moved[$0] != nil }
    }
    return sets.count == 1 ? sets[0] : nil
  }

  /// Each timerfd of the process, and the seconds it has to run.
  private static func settings() -> [CInt: Double] {
    var settings: [CInt: Double] = [:]
    for descriptor in descriptors(of: "anon_inode:[timerfd]") {
      settings[descriptor] = DescriptorInfo.timeLeft(information(descriptor))
    }
    return settings
  }

  private static func descriptors(of kind: String) -> [CInt] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var found: [CInt] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var target = [UInt8](repeating: 0, count: 64)
      let count = target.withUnsafeMutableBytes {
        readlink("/proc/self/fd/\(name)", $0.baseAddress!, $0.count)
      }
      if count > 0, String(decoding: target[..<count], as: UTF8.self) == kind,
        let descriptor = CInt(name)
      {
        found.append(descriptor)
      }
    }
    return found
  }

  private static func information(_ descriptor: CInt) -> String {
    let file = open("/proc/self/fdinfo/\(descriptor)", O_RDONLY | O_CLOEXEC)
    if file < 0 { return "" }
    defer { close(file) }
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(file, &part, part.count)
      if count <= 0 { return String(decoding: text, as: UTF8.self) }
      text += part[..<count]
    }
  }
}

/// What /proc/PID/fdinfo says of a descriptor, see proc(5).
enum DescriptorInfo {
  /// The seconds that a timerfd has to run; nil for anything else.
  static func timeLeft(_ text: String) -> Double? {
    for line in text.split(separator: "\n") where line.hasPrefix("it_value:") {
      let numbers = line.split { !$0.isNumber }
      guard numbers.count == 2, let seconds = Double(numbers[0]), let rest = Double(numbers[1])
      else { return nil }
      return seconds + rest / 1e9
    }
    return nil
  }

  /// The descriptors in an epoll set.
  static func watched(_ text: String) -> [CInt] {
    text.split(separator: "\n").compactMap { line in
      if !line.hasPrefix("tfd:") { return nil }
      return line.split(separator: " ").dropFirst().first.flatMap { CInt($0) }
    }
  }
}
