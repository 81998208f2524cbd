// The arrows between the rooms point one way. Who may know whom is said here; CONTRIBUTING.md draws it.

import Testing

extension AllTests {
  @Suite struct ArchitectureTests {
    /// Which rooms each may name, from the bottom to the top.
    private static let arrows: KeyValuePairs<String, Set<String>> = [
      "Base": [],
      "MainLoop": [],
      "Locks": ["Base"],
      "Notify": ["Base"],
      "Ring": ["Base"],
      "BottomHalf": ["Notify", "Base"],
      "Timers": ["Notify", "Base"],
      "Executors": ["Timers", "Notify", "Base"],
      "Handlers": ["Base"],
      "Monitor": ["Handlers", "Ring", "Base"],
      "Polling": ["Handlers", "Timers", "Notify", "Base"],
      "AioContext": [
        "Monitor", "Polling", "Handlers", "Timers", "BottomHalf", "Executors", "Ring", "Notify",
        "MainLoop", "Base",
      ],
      "BlockIO": [
        "AioContext", "Monitor", "Handlers", "Timers", "BottomHalf", "Ring", "Notify", "Base",
      ],
      "Threads": ["AioContext", "Polling", "MainLoop", "Base"],
      "Concurrency": ["Threads", "BlockIO", "AioContext", "Timers", "Notify", "Base"],
      "Coroutines": ["AioContext", "Executors", "Base"],
      "Signals": ["AioContext", "BottomHalf", "Base"],
      "GLibBridge": ["AioContext", "MainLoop", "Base"],
      "MainActor": ["AioContext", "Timers", "Executors", "MainLoop"],
    ]

    /// What may be imported where: GLib stays with those who are its neighbours.
    private static let imports: [String: Set<String>] = [
      "CGLib": [
        "AioContext", "Handlers", "Monitor", "Threads", "MainLoop", "MainActor", "GLibBridge",
      ],
      "CSwiftRuntime": ["Base", "Locks", "Signals", "MainActor", "GLibBridge"],
      "Dispatch": ["MainActor"],
      "CThreadState": ["Base"],
      "CLiburing": [
        "Base", "Notify", "Ring", "Timers", "Handlers", "Monitor", "AioContext", "BlockIO",
        "Threads", "Concurrency",
      ],
    ]
    private static let importedAnywhere: Set = ["Glibc", "Synchronization", "SystemPackage"]

    private static func againstTheArrows(_ house: House) -> [House.Reference] {
      let arrows = Dictionary(uniqueKeysWithValues: arrows.map { ($0.key, $0.value) })
      return house.references.filter { reference in
        arrows[reference.from]?.contains(reference.to) != true
      }
    }

    @Test func everyReferenceFollowsAnArrow() throws {
      let house = House(try House.library())
      for reference in Self.againstTheArrows(house) {
        Issue.record(
          """
          \(reference.file) names \(reference.name), of \(reference.to): \(reference.from) may not \
          know that room. Move one of the two, or put a seam between them
          """)
      }
      #expect(house.ambiguous.isEmpty, "two rooms declare one name")
    }

    @Test func thereIsNoCircle() {
      var below: Set<String> = []
      for (room, known) in Self.arrows {
        #expect(known.isSubset(of: below), "\(room) knows a room that is not below it")
        below.insert(room)
      }
    }

    @Test func everyRoomHasItsPlaceAndEveryArrowIsUsed() throws {
      let sources = try House.library()
      let house = House(sources)
      #expect(Set(sources.map(\.room)) == Set(Self.arrows.map(\.key)))
      for (room, known) in Self.arrows {
        let used = Set(house.references.filter { $0.from == room }.map(\.to))
        #expect(known.subtracting(used).isEmpty, "\(room) does not need all that it may know")
      }
    }

    @Test func roomsImportWhatIsTheirs() throws {
      for source in try House.library() {
        let words = SourceWords(source.text).words
        for (word, module) in zip(words, words.dropFirst())
        where word.text == "import" && word.depth == 0 {
          let isAllowed =
            Self.importedAnywhere.contains(module.text)
            || Self.imports[module.text]?.contains(source.room) == true
          #expect(isAllowed, "\(source.name) imports \(module.text)")
        }
      }
    }

    /// Each planted in a room that may not know the other: a type, a function, a member that another room adds.
    @Test(arguments: [
      ("Notify", "let planted: BottomHalfQueue?", "BottomHalfQueue"),
      ("AioContext", "func planted(_ pool: ThreadPool) {}", "ThreadPool"),
      ("Base", "let planted = \"the engine \\(AIOEngine.self)\"", "AIOEngine"),
      ("BlockIO", "let planted = withCancellable", "withCancellable"),
      ("AioContext", "extension AioContext { func planted() { _ = threadPool } }", "threadPool"),
    ])
    func aPlantedReferenceIsFound(_ room: String, _ code: String, _ name: String) throws {
      let planted = House.Source(room: room, name: "\(room)/Planted.swift", text: code)
      let found = Self.againstTheArrows(House(try House.library() + [planted]))
      #expect(found.filter { $0.file == planted.name }.map(\.name) == [name])
    }

    @Test func commentsStringsAndOnesOwnNamesAreNoReferences() throws {
      let harmless = House.Source(
        room: "Base", name: "Base/Harmless.swift",
        text: """
          // AioContext
          /* BottomHalf */ let text = "AioContext \\(1) BottomHalf"
          private struct IOThread { let thread: IOThread? }
          """)
      let found = Self.againstTheArrows(House(try House.library() + [harmless]))
      #expect(!found.contains { $0.file == harmless.name })
    }
  }
}
