// What aio-bench promises: figures of the engine that was asked for, on each engine and driver, and files that are not its
// own left alone.

import AioGSource
import CTestSupport
import Foundation
import Testing

extension AllTests {
  @Suite struct BenchTests {
    let folder: Folder
    init() throws { folder = try Folder() }

    private struct Figures: Decodable {
      struct Latency: Decodable {
        let p50: Int64
        let p99: Int64
        let p999: Int64
      }
      let engine: String
      let driver: String
      let operations: Int
      let seconds: Double
      let iops: Double
      let bytesPerSecond: Double
      let cpuNsPerOperation: Double
      let latencyNs: Latency
    }

    private func figures(_ arguments: [String]) throws -> Figures {
      let outcome = try Program("aio-bench", ["--json"] + arguments).outcome()
      #expect(outcome.status == 0, "\(outcome.complaint)")
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(Figures.self, from: Data(outcome.output.utf8))
    }

    @Test(arguments: EngineCombination.engines, ["poll", "glib"])
    func theFiguresAreOfWhatWasAskedFor(_ engine: AIOEngine.Kind, _ driver: String) throws {
      let file = try folder.write(Data(randomBytes(1 << 20)), to: "data")
      for options in [
        ["--depth", "1"], ["--depth", "300", "--block-size", "16k", "--pattern", "random"],
        ["--cache", "none"], ["--contexts", "2"],
      ] {
        let figures = try figures(
          ["--engine", engine.rawValue, "--driver", driver, "--count", "500"] + options + [file])
        #expect(figures.engine == engine.rawValue)
        #expect(figures.driver == driver)
        #expect(figures.operations == 500)
        #expect(figures.seconds > 0)
        #expect(abs(figures.iops * figures.seconds - 500) < 1)
        #expect(figures.bytesPerSecond >= figures.iops * 4_096)
        #expect(figures.cpuNsPerOperation > 0)
        let latency = figures.latencyNs
        #expect(0 < latency.p50 && latency.p50 <= latency.p99 && latency.p99 <= latency.p999)
      }
    }

    @Test(arguments: EngineCombination.engines)
    func aFileOfItsOwnMayBeWrittenAgain(_ engine: AIOEngine.Kind) throws {
      let file = folder["own"]
      let options = [
        "--engine", engine.rawValue, "--write", "--size", "1M", "--count", "300", file,
      ]
      #expect(try figures(options).operations == 300)
      #expect(try folder.data(of: "own").count == 1 << 20)
      #expect(try figures(options).operations == 300)
    }

    @Test func aFileThatIsNotItsOwnStaysAsItIs() throws {
      let contents = Data(randomBytes(64 << 10))
      let file = try folder.write(contents, to: "theirs")
      let outcome = try Program("aio-bench", ["--write", "--count", "10", file]).outcome()
      #expect(outcome.status == 1)
      #expect(
        outcome.complaint
          == "aio-bench: \(file) exists and was not made by aio-bench; --force overwrites it\n")
      #expect(try folder.data(of: "theirs") == contents)
      #expect(try figures(["--write", "--force", "--count", "10", file]).operations == 10)
      #expect(try folder.data(of: "theirs") != contents)
    }

    @Test func theTextHasAHistogram() throws {
      let file = try folder.write(Data(randomBytes(1 << 20)), to: "data")
      let outcome = try Program("aio-bench", ["--seconds", "0.2", file]).outcome()
      #expect(outcome.status == 0)
      for word in ["operations", "a second", "bandwidth", "CPU", "p50", "p99.9", "█"] {
        #expect(outcome.output.contains(word), "\(word)")
      }
    }

    @Test func whatCannotBeIsSaidInALine() throws {
      let missing = try Program("aio-bench", [folder["missing"]]).outcome()
      #expect(missing.status == 1)
      #expect(
        missing.complaint
          == "aio-bench: cannot open \(folder["missing"]): No such file or directory\n")
      let short = try Program("aio-bench", [try folder.write(Data([1]), to: "short")]).outcome()
      #expect(short.status == 1)
      #expect(short.complaint.hasSuffix("has 1 bytes: not a block of 4096 for each context\n"))
      let directory = try Program("aio-bench", [folder.path]).outcome()
      #expect(directory.status == 1)
      #expect(directory.complaint == "aio-bench: \(folder.path) is a directory\n")
      for options in [["--depth", "0"], ["--block-size", "x"], ["--engine", "other"]] {
        #expect(try Program("aio-bench", options + ["file"]).outcome().status == 64)
      }
      if aiogs_test_denies_io_uring() {
        let file = try folder.write(Data(randomBytes(8_192)), to: "data")
        let denied = try Program("aio-bench", ["--engine", "io_uring", file]).outcome()
        #expect(denied.status == 1)
        #expect(
          denied.complaint
            == "aio-bench: \(file): the io_uring engine is not available here: "
            + "Operation not permitted\n")
      }
    }

    @Test func anInterruptEndsIt() throws {
      let file = try folder.write(Data(randomBytes(1 << 20)), to: "data")
      for contexts in ["1", "2"] {
        let program = try Program(
          "aio-bench", ["--seconds", "60", "--contexts", contexts, file])
        usleep(400_000)
        program.send(SIGINT)
        let outcome = program.outcome()
        #expect(outcome.status == 130)
        #expect(outcome.complaint == "aio-bench: interrupted\n")
      }
    }
  }
}
