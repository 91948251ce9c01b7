// Checked: when the store gives memory back to the system.

import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Memory that a flood took")
struct MemoryTests {
    @Test("a round that no commit came before gives it back, and no other does")
    func quiet() async throws {
        let clock = ManualClock()
        let count = Shared(0)
        var sources = clock.sources
        sources.giveMemoryBack = { count.value.withLock { $0 += 1 } }
        let scene = try await Scene(clock)
        try await scene.store.close()
        let store = try InferenceStore.open(scene.folder.configuration(), sources: sources).store
        let housekeeper = Housekeeper(store, logger: noLog)
        var counts: [Int] = []
        for round in 0..<6 {
            if round == 3 {
                try await store.change {
                    [try $0.createWorkspace(name: "more", createdBy: "ann", at: clock.now)]
                }
            }
            await housekeeper.round()
            counts.append(count.value.withLock { $0 })
        }
        #expect(counts == [0, 1, 2, 2, 3, 4])
        try await store.close()
    }
}
