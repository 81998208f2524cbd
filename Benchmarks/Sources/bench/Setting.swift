// What commands run in: where the programs are, files to read, servers that stay up between the rounds of a row. One
// thread.

import Foundation
import Glibc

final class Setting: @unchecked Sendable {
  let isQuick: Bool
  /// Where the package's programs and the peers in C were built, and the repository.
  let products: URL
  let peers: URL
  let root: URL
  /// Files of this run, removed with it.
  let work: URL
  private var services: [String: Process] = [:]

  init(root: URL, isQuick: Bool) throws {
    self.isQuick = isQuick
    self.root = root
    let build = root.appending(path: "Benchmarks/.build")
    products = build.appending(path: "release")
    peers = build.appending(path: "peers")
    work = FileManager.default.temporaryDirectory.appending(path: "bench-\(getpid())")
    try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
  }

  /// Ends what runs and removes the files.
  func close() {
    endServices()
    try? FileManager.default.removeItem(at: work)
  }

  /// Where a program of the system's is, by the PATH.
  func find(_ program: String) -> String? {
    let directories = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin:/usr/sbin"
    return directories.split(separator: ":").map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// A file of so many bytes, in the page cache: made once, of random bytes.
  func file(bytes: Int) throws -> String {
    let path = work.appending(path: "data-\(bytes)").path
    if FileManager.default.fileExists(atPath: path) { return path }
    _ = try run(
      "/bin/sh", ["-c", "head -c \(bytes) /dev/urandom >'\(path)' && sync"], pinning: .free)
    return path
  }

  /// Runs a program to its end. It has two minutes.
  func run(_ program: String, _ arguments: [String], pinning: Pinning) throws -> Finished {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let pin = pinning == .oneCPU ? ["taskset", "-c", "0"] : []
    process.arguments = ["timeout", "--foreground", "120"] + pin + [program] + arguments
    let output = Pipe()
    let errors = work.appending(path: "errors")
    try Data().write(to: errors)
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    process.standardInput = FileHandle.nullDevice
    let cpu = Self.childrensCPUSeconds()
    let start = ContinuousClock.now
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    // Its end of the pipe is closed: it is over. To wait for it takes a while longer.
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
      let how =
        process.terminationStatus == 124
        ? "did not end in two minutes" : "ended with status \(process.terminationStatus)"
      let command = ([program.split(separator: "/").last.map(String.init) ?? program] + arguments)
      throw Failure("\(command.joined(separator: " ")) \(how): \((said + text).suffix(300))")
    }
    return Finished(
      program: program, output: text, seconds: seconds,
      cpuSeconds: Self.childrensCPUSeconds() - cpu)
  }

  /// A server that a row's commands talk to: started when it is first asked for, ended with the row. `isReady` is asked
  /// every 20 ms, for ten seconds. It dies with the driver, whatever ends that.
  func service(
    _ key: String, _ program: String, _ arguments: [String], pinning: Pinning = .free,
    isReady: () -> Bool
  ) throws -> Process {
    if let process = services[key] {
      guard process.isRunning else {
        throw Failure("\(key) is gone: \(tail(of: key))")
      }
      return process
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let pin = pinning == .oneCPU ? ["taskset", "-c", "0"] : []
    process.arguments = ["setpriv", "--pdeathsig", "KILL"] + pin + [program] + arguments
    try Data().write(to: log(of: key))
    let said = try FileHandle(forWritingTo: log(of: key))
    process.standardOutput = said
    process.standardError = said
    process.standardInput = FileHandle.nullDevice
    try process.run()
    services[key] = process
    for _ in 0..<500 {
      if isReady() { return process }
      if !process.isRunning { break }
      usleep(20_000)
    }
    throw Failure("\(key) did not start: \(tail(of: key))")
  }

  func hasService(_ key: String) -> Bool { services[key] != nil }

  func endServices() {
    for process in services.values {
      process.terminate()
      process.waitUntilExit()
    }
    services = [:]
  }

  private func log(of key: String) -> URL { work.appending(path: "service-\(key).log") }

  private func tail(of key: String) -> String {
    String(((try? String(contentsOf: log(of: key), encoding: .utf8)) ?? "").suffix(300))
  }

  private static func childrensCPUSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }
}
