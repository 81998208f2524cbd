// What the program prints: a line for each file as sha256sum has it, at once, or one JSON object at the end. Main thread
// only.

import AioGSource
import Foundation

final class Output: @unchecked Sendable {
  private struct Report: Encodable {
    struct File: Encodable {
      let path: String
      let thread: Int
      var bytes: Int64?
      var sha256: String?
      var error: String?
    }

    let threads: Int
    let depth: Int
    var files: [File] = []
    var bytes: Int64 = 0
    var seconds = 0.0
  }

  private let isJSON: Bool
  private var report: Report
  private var hasFailed = false
  private let start = AioClock.realtime.now

  init(isJSON: Bool, threads: Int, depth: Int) {
    self.isJSON = isJSON
    report = Report(threads: threads, depth: depth)
  }

  func show(_ outcome: Outcome, of path: String) {
    switch outcome.result {
    case .success(let digest):
      if isJSON {
        report.bytes += digest.bytes
        report.files.append(
          .init(
            path: path, thread: outcome.thread, bytes: digest.bytes, sha256: digest.sha256))
      } else {
        print(line(digest.sha256, path))
      }
    case .failure(let error):
      hasFailed = true
      complain("cannot read \(path): \(error)")
      if isJSON {
        report.files.append(.init(path: path, thread: outcome.thread, error: "\(error)"))
      }
    }
  }

  /// The exit status.
  func end() -> Int32 {
    if isJSON {
      report.seconds = Double(AioClock.realtime.now - start) / 1e9
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      if let data = try? encoder.encode(report) { print(String(decoding: data, as: UTF8.self)) }
    }
    return hasFailed ? 1 : 0
  }

  /// With a backslash in front where there is one in the name, or something else that would break the line.
  private func line(_ digest: String, _ path: String) -> String {
    var name = ""
    for character in path.unicodeScalars {
      switch character {
      case "\\": name += "\\\\"
      case "\n": name += "\\n"
      case "\r": name += "\\r"
      default: name.unicodeScalars.append(character)
      }
    }
    return (name == path ? "" : "\\") + "\(digest)  \(name)"
  }
}
