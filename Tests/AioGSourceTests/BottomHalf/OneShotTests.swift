// Closures that run once: where their memory comes from and goes to. More of them than a block has slots each time.

import Testing

@testable import AioGSource

extension AllTests {
  @Suite struct OneShotTests {
    private static let many = 3 * SlotAllocator.slotsPerBlock + 5

    /// Tells of its end.
    private final class Held: Sendable {
      private let ended: Counter
      init(_ ended: Counter) { self.ended = ended }
      deinit { ended.increment() }
    }

    @Test(arguments: Combination.all)
    func theyRunInOrderWhenTheirThreadHasEnded(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let log = Box<[Int]>([])
      let ended = Counter()
      for round in 0..<4 {
        TestThread {
          for index in 0..<Self.many {
            let held = Held(ended)
            context.schedule {
              withExtendedLifetime(held) { log.update { $0.append(round * Self.many + index) } }
            }
          }
        }.join()
      }
      #expect(loop.run { log.value.count == 4 * Self.many })
      #expect(log.value == Array(0..<4 * Self.many))
      #expect(ended.value == 4 * Self.many)
    }

    @Test(arguments: Combination.all)
    func threadsByTurnsEachKeepTheirOrder(_ combination: Combination) throws {
      let loop = try TestLoop(combination)
      let context = loop.context
      let logs = (0..<3).map { _ in Box<[Int]>([]) }
      let ran = Counter()
      let threads = logs.map { log in
        TestThread {
          for index in 0..<10 * Self.many {
            context.schedule {
              log.update { $0.append(index) }
              ran.increment()
            }
          }
        }
      }
      #expect(loop.run { ran.value == 30 * Self.many })
      for thread in threads { thread.join() }
      for log in logs { #expect(log.value == Array(0..<10 * Self.many)) }
    }

    /// The outer pass has done with some slots of the block that the inner one goes on with.
    @Test func aPassNestedInOneRunsTheRest() throws {
      let (queue, state) = try Self.queue()
      let log = Box<[Int]>([])
      for index in 0..<Self.many {
        queue.scheduleOneShot(name: "one") {
          log.update { $0.append(index) }
          if index % 20 == 7 {
            queue.scheduleOneShot(name: "late") { log.update { $0.append(Self.many) } }
            _ = queue.run()
          }
        }
      }
      while queue.run() {}
      let late = (0..<Self.many).count { $0 % 20 == 7 }
      #expect(log.value.filter { $0 < Self.many } == Array(0..<Self.many))
      #expect(log.value.count == Self.many + late)
      state.releaseHome(of: .current)
    }

    @Test func whatHasNotRunIsLetGoOfWithItsQueue() throws {
      let (queue, state) = try Self.queue()
      let ended = Counter()
      let ran = Counter()
      func schedule(_ name: String, _ count: Int) {
        for _ in 0..<count {
          let held = Held(ended)
          queue.scheduleOneShot(name: name) {
            ran.increment()
            withExtendedLifetime(held) {}
          }
        }
      }
      schedule("ran", 40)
      #expect(queue.run())
      schedule("at home", Self.many)
      TestThread { queue.scheduleOneShot(name: "elsewhere") { ran.increment() } }.join()
      schedule("behind it", 2)
      let names = queue.close()
      let atHome = [String](repeating: "at home", count: Self.many)
      let others = ["elsewhere", "behind it", "behind it"]
      #expect(names == atHome + others)
      #expect(ran.value == 40)
      #expect(ended.value == 40 + Self.many + 2)
      state.releaseHome(of: .current)
    }

    private static func queue() throws -> (BottomHalfQueue, NotifyState) {
      let state = NotifyState(notifier: try EventNotifier())
      #expect(state.claimHome(.current))
      return (BottomHalfQueue(notifyState: state), state)
    }
  }
}
