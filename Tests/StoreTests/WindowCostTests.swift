// Checked: what a window costs that became complete is in proportion to its records, whatever the number of assays
// that look at it and the length of the history before it. Counted are the reads of the log's files.

import Assays
import Records
import Simulation
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("What a window costs that became complete")
struct WindowCostTests {
    /// How long each read of the log's files is, in order, in the tick that analyses one minute after others.
    private static func reads(assayCount: Int, minuteCount: Int) async throws -> [Int] {
        let reads = Mutex<[Int]>([])
        let files = WatchedFiles(SimulatedFileSystem()) { file, call in
            guard case .read(let bytes) = call, !file.hasPrefix("derived/") else { return }
            reads.withLock { $0.append(bytes.count) }
        }
        let scene = try await Scene(on: files)
        let scheduler = scene.scheduler
        // Each by itself would read the window.
        for number in 0..<assayCount {
            let id = try await scene.createAssay(
                "assay \(number)", metric: number % 2 == 0 ? "PSI" : "SumDiff")
            #expect(id.number > 0)
        }
        // Blocks of columns, which are read when they are asked for.
        func append(_ minute: Int) async throws {
            try await scene.append((0..<300).map { (Double(minute) * 60 + Double($0) / 6, Double($0 % 7)) })
        }
        for minute in 0..<minuteCount { try await append(minute) }
        scene.clock.set(moment(Double(minuteCount) * 60 + 6))
        while await scheduler.tick() {}
        try await append(minuteCount)
        reads.withLock { $0 = [] }
        scene.clock.advance(60)
        while await scheduler.tick() {}
        let found = reads.withLock { $0 }
        for assay in scene.store.book.list() {
            #expect(assay.decisions.count == minuteCount + 1)
        }
        try await scene.store.close()
        return found
    }

    @Test("it is read once, for one assay as for forty, behind four minutes as behind sixty")
    func counts() async throws {
        let one = try await Self.reads(assayCount: 1, minuteCount: 4)
        #expect(!one.isEmpty)
        #expect(try await Self.reads(assayCount: 40, minuteCount: 4) == one)
        #expect(try await Self.reads(assayCount: 1, minuteCount: 60).count == one.count)
    }
}
