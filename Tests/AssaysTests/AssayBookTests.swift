// Invariants checked: the three at the head of AssayBook.swift, in that order; and the second and
// third of AssayDecision.swift.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct AssayBookTests {
    /// Commands chosen at random; those that are refused leave nothing.
    static func events(seed: UInt64, commandCount: Int) throws -> (AssayBook, [AssayEvent]) {
        var generator = SeededGenerator(seed: seed)
        var book = AssayBook()
        var events: [AssayEvent] = []
        func append(_ event: AssayEvent?) {
            guard let event else { return }
            book.apply(event)
            events.append(event)
        }
        let plain = try Requests.definition()
        for step in 0..<commandCount {
            let now = moment(Double(step))
            let id = AssayID(Int.random(in: 1...4, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                var definition = plain
                definition.name = "a\(Int.random(in: 0..<5, using: &generator))"
                definition.workspaceID = WorkspaceID(Int.random(in: 1...2, using: &generator))
                append(try? book.create(definition, isActive: step % 2 == 0, at: now))
            case 1: append(try? book.setActive(id, step % 3 == 0, at: now))
            case 2:
                let alert = Double(Int.random(in: 0...2, using: &generator)) / 4
                append(book[id].map { .change(of: $0, to: AssayThresholds(alert: alert), at: now) })
            case 3:
                let event = try? book.pinBaseline(
                    of: id,
                    DatedSummary(
                        ofBaseline: SortedSample([1, 2]), over: nil, plain.summarizer),
                    cut: UInt64(step), at: now)
                append(event ?? nil)
            default:
                let starts = Set(
                    (0..<3).map { _ in Int64.random(in: 0..<20, using: &generator) * 60 })
                let analyses = starts.sorted().map { start in
                    AssayTests.analysis(
                        start, AssayStatus.allCases.randomElement(using: &generator) ?? .ok)
                }
                let decided = try? book.decide(analyses, of: id, cut: UInt64(step), runAt: now)
                for event in decided ?? [] { append(event) }
            }
        }
        return (book, events)
    }

    @Test("the same events give the same book, as JSON texts too", arguments: 1...30)
    func foldIsAFunction(seed: Int) throws {
        let (book, events) = try Self.events(seed: UInt64(seed), commandCount: 60)
        #expect(events.count > 20, "seed \(seed)")
        var again = AssayBook()
        for event in events { again.apply(try AssayEvent(Requests.field(event.json.text))) }
        #expect(again == book, "seed \(seed)")
    }

    @Test("folding the last events again changes nothing", arguments: 1...30)
    func foldAgain(seed: Int) throws {
        let (book, events) = try Self.events(seed: UInt64(seed), commandCount: 60)
        for start in events.indices {
            var again = book
            for event in events[start...] { again.apply(event) }
            #expect(again == book, "seed \(seed), from event \(start)")
        }
    }

    @Test("numbers rise along the log, and revisions count from 1", arguments: 1...30)
    func numbers(seed: Int) throws {
        let (book, events) = try Self.events(seed: UInt64(seed), commandCount: 120)
        var assayNumbers: [Int] = []
        var resultNumbers: [Int] = []
        var revisions: [String: [Int]] = [:]
        for event in events {
            switch event {
            case .created(let creation): assayNumbers.append(creation.id.number)
            case .analysed(let decision):
                resultNumbers.append(decision.resultID.number)
                revisions["\(decision.assayID) \(decision.window.start)", default: []]
                    .append(decision.revision)
            default: break
            }
        }
        #expect(assayNumbers == Array(1..<(assayNumbers.count + 1)), "seed \(seed)")
        #expect(resultNumbers == Array(1..<(resultNumbers.count + 1)), "seed \(seed)")
        for numbers in revisions.values { #expect(numbers == Array(1...numbers.count)) }
        #expect(book.list().map(\.id.number) == assayNumbers.reversed())
        let names = book.list().map {
            "\($0.definition.name) \(String(describing: $0.definition.workspaceID))"
        }
        #expect(Set(names).count == names.count)
        #expect(revisions.values.contains { $0.count > 1 })
    }

    @Test("a name is unique in its workspace, and the refusal names the assay that has it")
    func duplicateNames() throws {
        let book = try AssayTests.book()
        var definition = try Requests.definition()
        let error = #expect(throws: AssayError.self) {
            try book.create(definition, isActive: true, at: moment(1))
        }
        #expect(error == .duplicateName("watch", existing: AssayID(1)))
        #expect(error?.description.contains("assay 1") == true)
        definition.workspaceID = WorkspaceID(8)
        let event = try book.create(definition, isActive: true, at: moment(1))
        guard case .created(let creation) = event else {
            Issue.record("another event: \(event)")
            return
        }
        #expect(creation.id == AssayID(2))
    }

    @Test("an assay that is not there is refused by its number")
    func unknownAssays() throws {
        let book = try AssayTests.book()
        let id = AssayID(2)
        #expect(throws: AssayError.unknownAssay(id)) { try book.setActive(id, true, at: moment(0)) }
        #expect(throws: AssayError.unknownAssay(id)) {
            try book.decide([], of: id, cut: 0, runAt: moment(0))
        }
        var other = book
        for event in try AssayEventTests.events().dropFirst() { other.apply(event) }
        var empty = AssayBook()
        for event in try AssayEventTests.events().dropFirst() { empty.apply(event) }
        #expect(empty.list().isEmpty)
        #expect(other.list().count == 1)
    }

    @Test("changed thresholds, as a log may hold them, begin a revision of the definition")
    func thresholds() throws {
        var book = try AssayTests.book()
        let assay = try #require(book[AssayID(1)])
        book.apply(.change(of: assay, to: AssayThresholds(alert: 0.25, warning: 0.1), at: moment(2)))
        #expect(book[AssayID(1)]?.definitionRevision == 2)
        #expect(book[AssayID(1)]?.definition.thresholds.warning == 0.1)
        #expect(book[AssayID(1)]?.updatedAt == moment(2))
        try AssayTests.run(&book, [AssayTests.analysis(0, .ok)], at: 9)
        #expect(book[AssayID(1)]?.decisions.first?.definitionRevision == 2)
        #expect(book[AssayID(1)]?.updatedAt == moment(2), "a run is no change of the assay")
    }

    @Test("a baseline is pinned once")
    func pins() throws {
        var book = try AssayTests.book()
        let summary = try DatedSummary(
            ofBaseline: SortedSample([1, 2]), over: nil, Requests.definition().summarizer)
        let event = try book.pinBaseline(of: AssayID(1), summary, cut: 7, at: moment(1))
        book.apply(try #require(event))
        #expect(book[AssayID(1)]?.pin?.summary == summary)
        #expect(try book.pinBaseline(of: AssayID(1), summary, cut: 9, at: moment(2)) == nil)
    }

    @Test("lists are filtered by pipeline and by workspace, newest first")
    func lists() throws {
        var book = AssayBook()
        var definition = try Requests.definition()
        for (number, pipeline, workspace) in [(1, 6, 7), (2, 5, 7), (3, 6, 8)] {
            definition.name = "a\(number)"
            definition.pipelineID = PipelineID(pipeline)
            definition.workspaceID = WorkspaceID(workspace)
            book.apply(try book.create(definition, isActive: true, at: moment(0)))
        }
        #expect(book.list().map(\.id.number) == [3, 2, 1])
        #expect(book.list(pipelineID: PipelineID(6)).map(\.id.number) == [3, 1])
        #expect(book.list(workspaceID: WorkspaceID(7)).map(\.id.number) == [2, 1])
        #expect(
            book.list(pipelineID: PipelineID(5), workspaceID: WorkspaceID(8)).isEmpty)
    }
}
