// Invariants checked: those at the head of CohortWork.swift, and that of Cohort.swift about `settledCut`, with pieces so
// small that a look at late records takes several.
//
// Windows are a minute wide from 0 seconds; the grace is 5 seconds, and lateness is bounded by 60.

import Assays
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Works of cohorts")
struct CohortWorkTests {
    /// One record in each of thirty windows.
    private static let halfAnHour = (0..<30).map { (seconds: Double($0) * 60 + 1, y: 4.0) }

    /// Four records in each of some windows. What waits to become columns is counted by partitions.
    private static func append(_ minutes: [Int], to scene: Scene) async throws {
        for minute in minutes {
            try await scene.append(
                (0..<4).map { (seconds: Double(minute * 60 + $0), y: 4) }, partition: "p\(minute)")
        }
    }

    /// How many windows have been decided how often.
    private static func revisions(_ id: AssayID, _ scene: Scene) throws -> [Int: Int] {
        let revisions = try #require(scene.store.book[id]).decisions.map(\.revision)
        return Dictionary(grouping: revisions) { $0 }.mapValues(\.count)
    }

    // It waited for the last piece.
    @Test("a window that became complete does not wait for a look at late records that takes several pieces")
    func pieces() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = AssayScheduler(
            scene.store, logger: noLog, limit: PassLimit(windowCount: 10, valueCount: 1 << 23))
        try await scene.append(Self.halfAnHour + [(seconds: 1865, y: 4)])
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        #expect(try Self.revisions(id, scene) == [1: 30])
        try await scene.append(Self.halfAnHour)
        await scheduler.tick()
        scene.clock.advance(6)
        #expect(await scheduler.tick())
        #expect(try Self.revisions(id, scene) == [1: 20, 2: 10])
        scene.clock.set(moment(1926))
        #expect(await scheduler.tick())
        #expect(try Self.revisions(id, scene) == [1: 11, 2: 20])
        #expect(try scene.decisions(id).last == "1860:complete1")
        while await scheduler.tick() {}
        #expect(try Self.revisions(id, scene) == [1: 1, 2: 30])
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    // Each range had a limit of its own, up to sixty-four of them in one commit.
    @Test("late windows that lie apart share the limit of a piece")
    func scattered() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = AssayScheduler(
            scene.store, logger: noLog, limit: PassLimit(windowCount: 10, valueCount: 1 << 23))
        try await scene.append(Self.halfAnHour)
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        // Five windows, one without, five windows …
        try await scene.append(Self.halfAnHour.enumerated().filter { $0.offset % 6 > 0 }.map(\.element))
        await scheduler.tick()
        scene.clock.advance(6)
        #expect(await scheduler.tick())
        #expect(try Self.revisions(id, scene) == [1: 20, 2: 10])
        while await scheduler.tick() {}
        #expect(try Self.revisions(id, scene) == [1: 5, 2: 25])
        try await scene.store.close()
    }

    // It was looked back at from its beginning.
    @Test("whoever starts anew while an import goes on looks back no further than the last look that is over")
    func lookedBack() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let limit = PassLimit(windowCount: 10, valueCount: 1 << 23)
        let scheduler = AssayScheduler(scene.store, logger: noLog, limit: limit)
        try await scene.append(Self.halfAnHour)
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        // A look begins a minute after the first late record, the next one a minute later; each takes three pieces.
        var begun = scene.store.log.cut
        for second in 1...122 {
            try await scene.append(Self.halfAnHour)
            scene.clock.advance(1)
            if second == 61 { begun = scene.store.log.cut }
            await scheduler.tick()
        }
        #expect(try Self.revisions(id, scene) == [2: 10, 3: 20])
        #expect(try #require(scene.store.book[id]).examinedCut == begun)
        // A power cut in the middle of the second look.
        let again = try scene.copied()
        let another = AssayScheduler(again.store, logger: noLog, limit: limit)
        while await another.tick() {}
        #expect(try Self.revisions(id, again) == [3: 20, 4: 10])
        let report = try again.store.view.verify(again.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await again.store.close()
        try await scene.store.close()
    }

    // Late windows took all records of a piece.
    @Test("late windows and those that became complete have half of a piece's records each")
    func halves() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = AssayScheduler(scene.store, logger: noLog, limit: .scheduled, rowCountMax: 8)
        try await Self.append(Array(0..<6), to: scene)
        scene.clock.set(moment(366))
        while await scheduler.tick() {}
        #expect(try Self.revisions(id, scene) == [1: 6])
        try await Self.append(Array(0..<7), to: scene)
        await scheduler.tick()
        scene.clock.set(moment(426))
        #expect(await scheduler.tick())
        #expect(try Self.revisions(id, scene) == [1: 6, 2: 1])
        #expect(try scene.decisions(id).last == "360:complete1")
        while await scheduler.tick() {}
        #expect(try Self.revisions(id, scene) == [1: 1, 2: 6])
        try await scene.store.close()
    }

    // All between a stray record of last year and the window of now was read.
    @Test("what lies between late windows and those that became complete is read where it is little alone")
    func apart() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await Self.append([0, 3, 6], to: scene)
        scene.clock.set(moment(426))
        let (view, configuration) = (scene.store.view, scene.store.configuration)
        let assay = try #require(view.book[id])
        let cohort = try #require(
            try Cohort.entering(assay, view, at: scene.clock.now, grace: configuration.grace))
        let first = cohort.firstWindow
        cohort.examinedCount = first + 6
        var touched = DisjointRanges()
        touched.insert(first..<first + 1)
        cohort.late.note(touched, at: moment(0))
        let work = CohortWork(cohort, view, now: scene.clock.now, configuration)
        #expect(work.late == [first..<first + 1] && work.fresh == first + 6..<first + 7)
        let together: [TimeWindow?] = [cohort.grid.period(of: first..<first + 7)]
        let alone: [TimeWindow?] = [nil]
        // Twelve records, of which half may be.
        #expect(CohortWork.plan([work], view, rowCountMax: 6) == together)
        #expect(CohortWork.plan([work], view, rowCountMax: 5) == alone)
        try await scene.store.close()
    }
}
