// Invariants checked: the two at the head of WindowGrid.swift, in that order.

import Assays
import JSON
import Records
import Simulation
import TestSupport
import Testing

struct WindowGridTests {
    static func grid(_ start: Int64, _ width: Int64, _ interval: Int64) -> WindowGrid {
        WindowGrid(
            start: Timestamp(microseconds: start), width: TimeSpan(microseconds: width),
            interval: TimeSpan(microseconds: interval))
    }

    /// The definition, word for word: every window in turn, every record in turn.
    static func naive(_ grid: WindowGrid, _ times: [Int64], _ until: Int64) -> [OccupiedWindow] {
        var windows: [OccupiedWindow] = []
        var index = 0
        while true {
            let start = grid.start.microseconds + Int64(index) * grid.interval.microseconds
            let end = start + grid.width.microseconds
            guard end <= until else { return windows }
            let inside = times.indices.filter {
                start <= times[$0] * 1000 && times[$0] * 1000 < end
            }
            if let first = inside.first, let last = inside.last {
                windows.append(
                    OccupiedWindow(
                        index: index,
                        window: TimeWindow(
                            start: Timestamp(microseconds: start), end: Timestamp(microseconds: end)
                        ),
                        rows: first..<last + 1))
            }
            index += 1
        }
    }

    @Test("small grids of every shape find what a search of all windows finds")
    func everySmallGrid() {
        let timeSets: [[Int64]] = [
            [], [0], [-1], [3], [7], [0, 1, 2, 3, 4, 5, 6], [-3, -3, 0, 0, 5], [2, 2, 2], [1, 6],
            [-9, 9], [4, 5],
        ]
        var found = 0
        for start in stride(from: Int64(-2500), through: 2500, by: 500) {
            for width in [Int64(1), 400, 500, 1000, 1001, 2500, 6000] {
                for interval in [Int64(300), 500, 1000, 1700, 4000] {
                    let grid = Self.grid(start, width, interval)
                    for until in stride(from: Int64(-3000), through: 9000, by: 1500) {
                        for times in timeSets {
                            let windows = grid.occupied(
                                times: times, until: Timestamp(microseconds: until))
                            found += windows.count
                            guard windows != Self.naive(grid, times, until) else { continue }
                            Issue.record("\(grid), \(times), until \(until): \(windows)")
                        }
                    }
                }
            }
        }
        #expect(found > 10_000)
    }

    @Test(
        "large grids with many records find what a search of all windows finds", arguments: 1...300)
    func randomGrids(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let grid = Self.grid(
            Int64.random(in: -500_000...500_000, using: &generator),
            Int64.random(in: 1...200_000, using: &generator),
            Int64.random(in: 500...200_000, using: &generator))
        let times = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
            Int64.random(in: -600...600, using: &generator)
        }.sorted()
        let until = Int64.random(in: -700_000...700_000, using: &generator)
        #expect(
            grid.occupied(times: times, until: Timestamp(microseconds: until))
                == Self.naive(grid, times, until), "seed \(seed)")
    }

    @Test("a window that ends at the moment is complete; one that ends a microsecond later is not")
    func completeness() {
        let grid = Self.grid(0, 60, 60)
        #expect(grid.completeCount(until: Timestamp(microseconds: 59)) == 0)
        #expect(grid.completeCount(until: Timestamp(microseconds: 60)) == 1)
        #expect(grid.completeCount(until: Timestamp(microseconds: 179)) == 2)
        #expect(grid.completeCount(until: Timestamp(microseconds: -1)) == 0)
        for (moment, count) in [
            (Int64(-1), 0), (0, 1), (59, 1), (60, 2), (Int64.max, Int(Int64.max / 60) + 1),
        ] {
            #expect(grid.startedCount(at: Timestamp(microseconds: moment)) == count)
        }
    }

    @Test("a record on a boundary belongs to the window that starts there")
    func boundaries() {
        let windows = Self.grid(0, 1000, 1000).occupied(
            times: [0, 1, 2], until: Timestamp(microseconds: 3000))
        #expect(windows.map(\.rows) == [0..<1, 1..<2, 2..<3])
    }

    @Test("fifty years of empty millisecond windows cost nothing")
    func emptyWindows() {
        let grid = Self.grid(0, 1000, 1000)
        let times = (0..<1000).map { 1_704_826_800_000 + Int64($0) * 86_400_000 }
        let now = Timestamp(microseconds: 1_900_000_000_000_000)
        var windows: [OccupiedWindow] = []
        let elapsed = ContinuousClock().measure {
            windows = grid.occupied(times: times, until: now)
        }
        #expect(windows.map(\.rows) == (0..<1000).map { $0..<$0 + 1 })
        #expect(windows.map { $0.window.start.milliseconds } == times)
        // Walking the 1.9·10^12 windows would take an hour at the least.
        #expect(elapsed < .seconds(60))
    }

    @Test("records before the first window and after the last complete one are passed over")
    func outside() {
        let grid = Self.grid(10_000, 1000, 1000)
        #expect(
            grid.occupied(times: [0, 9, 12, 99], until: Timestamp(microseconds: 20_000)).map(
                \.index)
                == [2])
    }

    @Test("the ends of time are counted without a trap")
    func extremes() {
        let all = Self.grid(.min, .max, 1)
        #expect(all.completeCount(until: Timestamp(microseconds: .max)) == .max)
        #expect(Self.grid(0, 1000, 1000).window(.max).end.microseconds == .max)
        let first = Self.grid(.min, 1000, 1)
        #expect(first.indices(touching: .always).lowerBound == 0)
        let late = Self.grid(.max - 500, 1000, .max)
        #expect(late.completeCount(until: Timestamp(microseconds: .max)) == 0)
        #expect(
            late.occupied(times: [.min, 0, .max], until: Timestamp(microseconds: .max)).isEmpty)
        let wide = Self.grid(.min, .max, .max)
        #expect(
            wide.occupied(times: [.min, -5, 5, .max], until: Timestamp(microseconds: .max))
                .map(\.rows) == [0..<2, 2..<3])
        #expect(wide.indices(containing: .max).isEmpty)
    }

    @Test("the windows that a period touches are those that share a moment with it")
    func touching() {
        for start in [Int64(-7), 0, 5] {
            for width in [Int64(1), 3, 4, 10] {
                for interval in [Int64(1), 3, 4, 11] {
                    let grid = Self.grid(start, width, interval)
                    for first in Int64(-15)...20 {
                        for length in Int64(0)...6 {
                            let period = TimeWindow(
                                start: Timestamp(microseconds: first),
                                end: Timestamp(microseconds: first + length))
                            let touched = (0..<60).filter {
                                let window = grid.window($0)
                                return window.start < period.end && period.start < window.end
                                    && length > 0
                            }
                            // In a gap between windows the range is empty, wherever it stands.
                            #expect(Array(grid.indices(touching: period)) == touched)
                        }
                    }
                }
            }
        }
    }

    @Test("a grid that reaches back has the same windows, is one for all of a kind, and begins in the year 1")
    func reachingBack() {
        let yearOne: Int64 = -62_135_596_800_000_000
        for (start, width, interval) in [
            (0, 60, 60), (59, 60, 60), (7_000_000, 5, 3), (yearOne, 10, 7), (yearOne + 1, 10, 7),
            (yearOne - 1, 10, 7), (Int64.min, 10, 7), (Int64.max / 4, 10, 1), (Int64.max - 40, 10, 1),
            (-1, 1 << 40, 1 << 41),
        ] as [(Int64, Int64, Int64)] {
            let grid = Self.grid(start, width, interval)
            let back = grid.reachingBack
            let first = back.index(startingAt: grid.start)
            #expect(back.window(first).start == grid.start)
            for index in 0..<20 { #expect(back.window(first + index) == grid.window(index)) }
            #expect(
                start < yearOne || start > .max / 2
                    ? back == grid : back.start.microseconds < yearOne + interval)
            #expect(back.reachingBack == back)
        }
        #expect(Self.grid(120, 60, 60).reachingBack == Self.grid(6000, 60, 60).reachingBack)
        #expect(Self.grid(120, 60, 60).reachingBack != Self.grid(121, 60, 60).reachingBack)
        // Between two starts it is the next window; before the first, the first.
        #expect(
            [-5, 0, 1, 3, 4].map { Self.grid(0, 5, 3).index(startingAt: Timestamp(microseconds: $0)) } == [
                0, 0, 1, 1, 2,
            ])
    }

    @Test("a record's windows are those that find it")
    func containing() {
        let grid = Self.grid(500, 5000, 1200)
        let times = (Int64(-3)...20).map { $0 }
        let windows = grid.occupied(times: times, until: Timestamp(microseconds: 40_000))
        for (row, time) in times.enumerated() {
            let found = windows.filter { $0.rows.contains(row) }.map(\.index)
            #expect(Array(grid.indices(containing: time)) == found)
        }
    }

    @Test(
        "recorded counts of analyses come out, and derived windows are the grid's",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"))
    func corpus() throws {
        func spans(_ json: JSONValue?) throws -> (
            start: Int64, width: Int64, interval: Int64, until: Int64
        ) {
            let input = JSONField(json)
            func microseconds(_ key: String) throws -> Int64? {
                try input[key].optional.map { Int64(try $0.integer()) * 1_000_000 }
            }
            let width = try #require(try microseconds("width"))
            return (
                try #require(try microseconds("start")), width,
                try microseconds("interval") ?? width, try #require(try microseconds("until"))
            )
        }
        var caseCount = 0
        for test in try JSONField(Corpus.json("corpus/recorded_windows.json"))["cases"].array() {
            let (start, width, interval, until) = try spans(test["input"].value)
            let data = try test["input"]["data"].array().map { Int64(try $0.integer()) }
            let times = stride(from: data[0] * 1000, to: data[1] * 1000, by: 600_000).map { $0 }
            let windows = Self.grid(start, width, interval).occupied(
                times: times, until: Timestamp(microseconds: until))
            #expect(windows.count == (try test["expected"]["count"].integer()))
            caseCount += 1
        }
        for test in try JSONField(Corpus.json("corpus/derived_windows.json"))["cases"].array() {
            let (start, width, interval, until) = try spans(test["input"].value)
            let grid = Self.grid(start, width, interval)
            let count = grid.completeCount(until: Timestamp(microseconds: until))
            let expected = try test["expected"]["windows"].array().map { window in
                try window.array().map { Int64(try $0.integer()) * 1_000_000 }
            }
            let windows = (0..<count).map(grid.window)
            #expect(windows.map { [$0.start.microseconds, $0.end.microseconds] } == expected)
            caseCount += 1
        }
        #expect(caseCount == 8)
    }
}

extension WindowGrid {
    /// All complete windows that hold records of `times`, which ascend.
    fileprivate func occupied(times: [Int64], until: Timestamp) -> [OccupiedWindow] {
        var search = OccupiedWindowSearch(self, until: until)
        var windows: [OccupiedWindow] = []
        times.withUnsafeBufferPointer { times in
            while let window = search.next(in: times) { windows.append(window) }
        }
        return windows
    }
}
