// Invariants checked: those at the head of DecisionList.swift, beside a plain array, and of PagedTable.swift,
// beside a dictionary.

import Records
import Simulation
import Testing

@testable import Assays

@Suite("The list of decisions")
struct DecisionListTests {
    /// Decisions as schedulers make them, and as none does.
    static func decision(_ number: Int, _ random: inout SeededGenerator) -> AssayDecision {
        let wild = Int.random(in: 0..<20, using: &random) == 0
        let start = wild ? Int64.random(in: .min...0, using: &random) : Int64(number) * 3_600_000_000
        let end = wild ? Int64.random(in: 1...(.max), using: &random) : start + 3_600_000_000
        let cut = wild ? UInt64.random(in: 0...(.max), using: &random) : UInt64(number * 3 + 1)
        return AssayDecision(
            assayID: AssayID(3),
            resultID: AssayResultID(wild ? .random(in: 0...(.max), using: &random) : number * 10_000),
            window: TimeWindow(start: Timestamp(microseconds: start), end: Timestamp(microseconds: end)),
            revision: wild ? .random(in: 1...(.max), using: &random) : 1,
            definitionRevision: 1 + number / 50,
            reason: DecisionReason.allCases.randomElement(using: &random)!,
            status: AssayStatus.allCases.randomElement(using: &random)!, cut: cut,
            examinedCut: wild ? .random(in: 0...cut, using: &random) : cut - UInt64(number % 2),
            engineVersion: wild ? .random(in: 1...(.max), using: &random) : 1,
            digest: ResultDigest(of: Array("\(number)".utf8)),
            runAt: Timestamp(
                microseconds: wild ? .random(in: .min...(.max), using: &random) : end + 5_000_000 + start % 7),
            analysedAt: Timestamp(
                microseconds: wild ? .random(in: .min...(.max), using: &random) : end + 5_100_000),
            elapsedMilliseconds: wild ? AssayDecision.elapsedMillisecondsMax : number % 3)
    }

    static func same(_ list: DecisionList, _ array: [AssayDecision]) -> Bool {
        list.count == array.count && Array(list) == array && list.last == array.last
            && list.first == array.first && array.indices.allSatisfy { list[$0] == array[$0] }
    }

    @Test("it is a list: appended to, inserted into, changed and copied", arguments: 1...20)
    func changes(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var (list, array) = (DecisionList(of: AssayID(3)), [AssayDecision]())
        #expect(Self.same(list, array))
        var copies: [(DecisionList, [AssayDecision])] = []
        for number in 0..<400 {
            let decision = Self.decision(number, &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0 where !array.isEmpty:
                let position = array.indices.randomElement(using: &random)!
                list.replace(at: position, with: decision)
                array[position] = decision
            case 1:
                let position = Int.random(in: 0...array.count, using: &random)
                list.insert(decision, at: position)
                array.insert(decision, at: position)
            default:
                list.append(decision)
                array.append(decision)
            }
            if number % 57 == 0 { copies.append((list, array)) }
        }
        copies.append((list, array))
        for (list, array) in copies { #expect(Self.same(list, array)) }
        for _ in 0..<50 {
            let ends = [0, 0].map { _ in Int.random(in: 0...array.count, using: &random) }
            let range = min(ends[0], ends[1])..<max(ends[0], ends[1])
            #expect(list.decisions(range) == Array(array[range]))
        }
        // Made in another way, it is the same list.
        var other = DecisionList(of: AssayID(3))
        for decision in array { other.append(decision) }
        #expect(other == list && other.hashValue == list.hashValue)
        if let first = array.first {
            var changed = first
            changed.cut &+= 1
            other.replace(at: 0, with: changed)
            #expect(other != list)
        }
    }

    @Test("positions are found by the window's start", arguments: [0, 1, 63, 64, 65, 128, 300])
    func positions(count: Int) throws {
        var list = DecisionList(of: AssayID(3))
        for number in 0..<count { list.append(DecisionListTests.plain(number * 2)) }
        for probe in -1...(2 * count + 1) {
            let moment = Timestamp(microseconds: Int64(probe) * 3_600_000_000)
            #expect(
                list.firstPosition { $0.window.start < moment }
                    == (0..<count).first { $0 * 2 >= probe } ?? count)
        }
    }

    /// An hour decided soon after it ended, one of ten thousand assays.
    static func plain(_ hour: Int) -> AssayDecision {
        let end = Int64(hour + 1) * 3_600_000_000
        return AssayDecision(
            assayID: AssayID(3), resultID: AssayResultID(1 + hour * 10_000 + hour % 77),
            window: TimeWindow(
                start: Timestamp(microseconds: end - 3_600_000_000), end: Timestamp(microseconds: end)),
            revision: 1, definitionRevision: 1, reason: .complete, status: .ok, cut: UInt64(hour * 500 + 40),
            examinedCut: UInt64(hour * 500 + 40 - hour % 5), engineVersion: 1,
            digest: ResultDigest(of: Array("\(hour)".utf8)),
            runAt: Timestamp(microseconds: end + 5_000_000 + Int64(hour) * 7919 % 250_000),
            analysedAt: Timestamp(microseconds: end + 5_400_000 + Int64(hour) * 104_729 % 600_000),
            elapsedMilliseconds: 0)
    }

    @Test("a decision takes half a hundred bytes of memory, its digest with it")
    func small() throws {
        var list = DecisionList(of: AssayID(3))
        for hour in 0..<7200 { list.append(Self.plain(hour)) }
        print("bytes a decision: \(Double(list.byteCount) / 7200)")
        #expect(list.byteCount < 7200 * 52)
    }

    @Test("a paged table is a dictionary, and a copy stays what it was", arguments: 1...5)
    func paged(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var (table, plain) = (PagedTable<Int>(), [AssayID: Int]())
        var copies: [(PagedTable<Int>, [AssayID: Int])] = []
        for number in 0..<500 {
            let id = AssayID([Int.random(in: 1...150, using: &random), .max].randomElement(using: &random)!)
            if Bool.random(using: &random) {
                table.insert(number, id)
                plain[id] = number
            } else {
                table.change(id) { $0 += 1 }
                if let value = plain[id] { plain[id] = value + 1 }
            }
            if number % 50 == 0 { copies.append((table, plain)) }
        }
        for (table, plain) in copies + [(table, plain)] {
            #expect(table.count == plain.count && table.values.sorted() == plain.values.sorted())
            #expect(plain.allSatisfy { table[$0.key] == $0.value } && table[AssayID(151)] == nil)
        }
    }
}
