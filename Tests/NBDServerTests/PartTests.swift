// The parts of the server that need no client.

import AioGSource
import Foundation
import Glibc
import SystemPackage
import Testing

@testable import NBDServer

@Suite struct PartTests {
  /// A file of which `data` is data, `size` long.
  private func seek(
    _ data: [Range<Int64>], size: Int64
  ) -> (Int64, CInt) throws(Errno) -> Int64 {
    { offset, whence throws(Errno) in
      if offset >= size { throw .noSuchAddressOrDevice }
      let inside = data.first { $0.contains(offset) }
      if whence == 3 {
        if inside != nil { return offset }
        guard let next = data.first(where: { $0.lowerBound > offset }) else {
          throw .noSuchAddressOrDevice
        }
        return next.lowerBound
      }
      return inside?.upperBound ?? offset
    }
  }

  @Test func extentsCoverTheRangeAndStayInIt() throws {
    let seek = seek([4096..<8192, 12288..<20000], size: 20000)
    func find(_ range: Range<Int64>, _ maximum: Int = 100) throws -> [FileExtent] {
      try Extents.find(range, maximum: maximum, seek: seek)
    }
    #expect(
      try find(0..<20000) == [
        FileExtent(range: 0..<4096, isHole: true), FileExtent(range: 4096..<8192, isHole: false),
        FileExtent(range: 8192..<12288, isHole: true),
        FileExtent(range: 12288..<20000, isHole: false),
      ])
    #expect(
      try find(5000..<9000) == [
        FileExtent(range: 5000..<8192, isHole: false), FileExtent(range: 8192..<9000, isHole: true),
      ])
    #expect(try find(8192..<8193) == [FileExtent(range: 8192..<8193, isHole: true)])
    // Beyond a file that has become shorter.
    #expect(try find(30000..<40000) == [FileExtent(range: 30000..<40000, isHole: true)])
    #expect(try find(0..<20000, 2).count == 2)
    #expect(try find(7..<7).isEmpty)
  }

  @Test func aFileSystemThatCannotTellHasOnlyData() throws {
    let extents = try Extents.find(100..<5000, maximum: 10) { _, _ throws(Errno) in
      throw .invalidArgument
    }
    #expect(extents == [FileExtent(range: 100..<5000, isHole: false)])
  }

  @Test func anErrorOfSeekingIsThrown() {
    #expect(throws: Errno.ioError) {
      try Extents.find(0..<10, maximum: 10) { _, _ throws(Errno) in throw .ioError }
    }
  }

  @Test func whatWasSentIsDroppedFromTheSlices() {
    let buffer = AIOBuffer(count: 100)
    func left(_ count: Int) -> [Range<Int>] {
      var slices = [0..<10, 20..<25, 30..<100].map { AIOBuffer.Slice(buffer, $0) }
      ReplyQueue.drop(count, from: &slices)
      return slices.map { $0.range }
    }
    #expect(left(0) == [0..<10, 20..<25, 30..<100])
    #expect(left(3) == [3..<10, 20..<25, 30..<100])
    #expect(left(10) == [20..<25, 30..<100])
    #expect(left(14) == [24..<25, 30..<100])
    #expect(left(84) == [99..<100])
    #expect(left(85) == [])
  }

  @Test func piecesAreUsedAgainAndCostWhatTheyAre() {
    let pool = PiecePool()
    for count in [0, 1, 4096, 4097, 1 << 20, 5 << 20] {
      let piece = pool.take(count)
      #expect(piece.capacity >= count)
      #expect(piece.cost == PiecePool.cost(count))
      #expect(UInt(bitPattern: piece.data()) % 4096 == 0)
      pool.give(piece)
      #expect((pool.take(count) === piece) == (count <= 2 << 20))
    }
  }

  @Test func aSocketIsItsOwnersAndGoesWithItsListener() throws {
    let path = "/tmp/aio-nbd-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    var listener: Listener? = try Listener(.unix(path: path))
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(throws: ListenError.self) { try Listener(.unix(path: path)) }
    listener = nil
    _ = listener
    #expect(lstat(path, &status) != 0)
    // One that a killed server left behind is replaced, a file is not.
    let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    let address = try #require(SocketAddress(unixPath: path))
    #expect(address.withSocketAddress { bind(number, $0, $1) } == 0)
    close(number)
    _ = try Listener(.unix(path: path))
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    close(file)
    #expect(throws: ListenError.self) { try Listener(.unix(path: path)) }
    #expect(lstat(path, &status) == 0)
    unlink(path)
  }

  @Test func socketsMadeAtOnceAreTheirOwnersEach() async throws {
    let mask = { () throws -> String? in
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      return status.split(separator: "\n").first { $0.hasPrefix("Umask:") }.map(String.init)
    }
    let before = try mask()
    #expect(before != nil)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<500 {
            let path = "/tmp/aio-nbd-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
            let listener = try Listener(.unix(path: path))
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            withExtendedLifetime(listener) {}
          }
        }
      }
      try await group.waitForAll()
    }
    // Which is the whole process's.
    #expect(try mask() == before)
  }

  @Test func aPortIsChosenByTheKernel() throws {
    let listener = try Listener(.tcp(address: "127.0.0.1", port: 0))
    guard case .tcp("127.0.0.1", let port) = listener.endpoint else {
      Issue.record("\(listener.endpoint)")
      return
    }
    #expect(port != 0)
    #expect(!listener.endpoint.isOpenToTheNetwork)
    #expect(Endpoint.tcp(address: "0.0.0.0", port: 1).isOpenToTheNetwork)
  }

  @Test func exportsAreFoundByNameAndTheFirstByNone() throws {
    let file = try ScratchFile([1, 2, 3])
    let table = ExportTable()
    #expect(table[""] == nil)
    func export(_ name: String) throws -> Export {
      try Export(name: name, path: file.path, isReadOnly: false, options: ExportOptions())
    }
    try table.add(try export("b"))
    try table.add(try export("a"))
    #expect(throws: ControlError.self) { try table.add(try export("a")) }
    #expect(table[""]?.name == "b")
    #expect(table.names == ["a", "b"])
    _ = try table.remove("b")
    #expect(table[""]?.name == "a")
    #expect(throws: ControlError.self) { try table.remove("b") }
  }

  @Test func whatCannotBeServedIsSaid() {
    for path in ["/nowhere/at/all", "/tmp", "/dev/null"] {
      #expect(throws: ControlError.self) {
        try Export(
          name: "x", path: FilePath(path), isReadOnly: true, options: ExportOptions())
      }
    }
  }

  @Test func holesAreWholeBlocks() {
    func hole(_ range: Range<Int64>) -> FileExtent { FileExtent(range: range, isHole: true) }
    func data(_ range: Range<Int64>) -> FileExtent { FileExtent(range: range, isHole: false) }
    func aligned(_ extents: [FileExtent]) -> [FileExtent] {
      Extents.aligned(extents, to: 4096)
    }
    #expect(aligned([]) == [])
    #expect(aligned([hole(0..<4096), data(4096..<8192)]) == [hole(0..<4096), data(4096..<8192)])
    // One that begins and ends inside blocks, and one that has no whole block.
    #expect(
      aligned([data(0..<5000), hole(5000..<20000), data(20000..<24576)])
        == [data(0..<8192), hole(8192..<16384), data(16384..<24576)])
    #expect(
      aligned([data(0..<5000), hole(5000..<6000), data(6000..<24576)]) == [data(0..<24576)])
    // The range's own ends stay.
    #expect(
      aligned([hole(100..<9000), data(9000..<9001)]) == [hole(100..<8192), data(8192..<9001)])
    #expect(Extents.aligned([hole(1..<2), data(2..<3)], to: 1) == [hole(1..<2), data(2..<3)])
  }

  @Test func theLogHasSoManyLinesASecond() {
    var state = ClientLog.State()
    for _ in 0..<ClientLog.limit { #expect(state.admit(at: 5_000_000_000) == 0) }
    for _ in 0..<7 { #expect(state.admit(at: 5_999_999_999) == nil) }
    #expect(state.admit(at: 6_000_000_000) == 7)
    #expect(state.admit(at: 6_000_000_001) == 0)
  }

  @Test func anExportIsNotTakenForAnother() throws {
    let small = try ScratchFile([UInt8](repeating: 0, count: 8192))
    let large = try ScratchFile([UInt8](repeating: 0, count: 16384))
    let export = try small.export()
    #expect(export.matches(export.description))
    #expect(export.matches(try small.export().description))
    #expect(!export.matches(try large.export().description))
    #expect(!export.matches(try small.export(readOnly: true).description))
    #expect(export.currentSize == 8192)
  }

  @Test func workersPollWhereTheirClientsHaveProcessorsToo() {
    let long = Patience.parameters(busy: 1, processors: 2)
    #expect(long.maximum > PollingParameters.ioThread.maximum)
    #expect(Patience.parameters(busy: 2, processors: 4) == long)
    #expect(Patience.parameters(busy: 2, processors: 2) == .ioThread)
    #expect(Patience.parameters(busy: 1, processors: 1) == .disabled)
    #expect(Patience.processors >= 1)
  }
}
