// Which of what assays say rests on records that are about to go.
//
//     leaving:        partition a ▬▬▬▬      partition b        ▬▬▬
//     specification:  topic, path, model, partitions ──► the periods in which something goes of what it reads
//                                                            ──► the windows and baselines that these touch
//
// The partitions at home are others from the commit on at which one became an edge, or home again. So they are asked
// for as of a decision.
//
// Invariants:
//  * Who reads a partition that loses records, at a time at which it does, is touched: what is said of others may be
//    too much where a period or a partition is not known, never too little.
//  * What goes of partitions that a decision did not look at, and that it would not look at now, does not touch it.

import Assays
import Bytes
import Catalog
import EventLog
import Queries
import Records

/// Records that are to go, or a field of them.
struct LeavingRecords: Sendable {
    let topic: String
    /// As the log keeps it, `in.name`; nil where the records go whole.
    let field: String?
    /// When records go, of whatever partition.
    private let everywhere: [TimeWindow]
    /// When records go of one partition alone, by its name.
    private let partitions: [String: [TimeWindow]]

    /// Of all partitions.
    init(topic: String, periods: [TimeWindow], field: String? = nil) {
        self.topic = topic
        self.field = field
        (everywhere, partitions) = (periods, [:])
    }

    /// Of some partitions, whole records.
    init(topic: String, partitions: [String: [TimeWindow]]) {
        self.topic = topic
        field = nil
        (everywhere, self.partitions) = ([], partitions.mapValues(\.joinedWhereTheyMeet))
    }

    /// When records go of the partitions that count.
    fileprivate func periods(where counts: (String) -> Bool) -> [TimeWindow] {
        var found = everywhere
        for (name, periods) in partitions where counts(name) { found += periods }
        return found.joinedWhereTheyMeet
    }

    /// Whether among what goes is what windows read: the numbers at their path, or the model that their filter
    /// looks for.
    func hold(_ spec: AssayWindowSpec) -> Bool {
        guard let field else { return true }
        return ([spec.path.recordField] + RecordFilter(modelName: spec.modelName).fields).contains { name in
            name.isExactly(field) || name.hasExactPrefix(field + ".") || field.hasExactPrefix(name + ".")
        }
    }
}

extension StoreView {
    /// When a topic has records, and perhaps moments between; always, where what is not seen, now or given up, may
    /// have held some.
    func periods(ofTopic topic: String) -> [TimeWindow] {
        let index = snapshot.index
        guard index.unseen.isEmpty, !index.hasLeapt, let found = index.topics[topic], found.gaps.isEmpty
        else {
            return [.always]
        }
        return found.times(after: 0).ranges.map { TimeWindow($0) }
    }
}

/// When records go that a window specification reads.
struct LeavingPeriods {
    /// Whatever partitions are at home; disjoint, ascending.
    fileprivate let all: [TimeWindow]
    /// Nil where it does not matter which partitions are at home.
    private var home: Home?

    /// Of the partitions that were at home at some time, or are.
    private struct Home {
        let leaving: LeavingRecords
        let view: StoreView
        let pipelineID: PipelineID
        /// By the commit since which the partitions at home were the same.
        var known: [CommitNumber: [TimeWindow]] = [:]

        mutating func periods(asOf cut: CommitNumber) -> [TimeWindow] {
            let since = view.homeChange(of: pipelineID, at: cut)?.since ?? 0
            if let found = known[since] { return found }
            // A partition that is home now is looked at when the window is looked at again.
            let edges = Set(view.locations(of: pipelineID, at: cut)).intersection(
                view.locations(of: pipelineID, at: view.snapshot.cut))
            let found = leaving.periods { !edges.contains($0) }
            known[since] = found
            return found
        }
    }

    /// None.
    init() { all = [] }

    /// Those of what `spec` reads of a pipeline; none where it is another's records that go.
    init(_ leaving: LeavingRecords, readBy spec: AssayWindowSpec, of pipeline: Pipeline?, _ view: StoreView) {
        guard let pipeline, pipeline.topic.name == leaving.topic, leaving.hold(spec) else {
            all = []
            return
        }
        switch spec.locations {
        case .all: all = leaving.periods { _ in true }
        case .named(let names): all = leaving.periods { names.contains($0) }
        case .home:
            all = leaving.periods { _ in true }
            home = Home(leaving: leaving, view: view, pipelineID: pipeline.id)
        }
    }

    var isEmpty: Bool { all.isEmpty }

    /// Whether something goes of what is read of a period, as of a commit; nothing is where there is none.
    mutating func touch(_ period: TimeWindow?, asOf cut: CommitNumber) -> Bool {
        guard let period, all.touch(period) else { return false }
        return home == nil || periods(asOf: cut).touch(period)
    }

    /// When something goes of what is read, as of a commit; disjoint, ascending.
    fileprivate mutating func periods(asOf cut: CommitNumber) -> [TimeWindow] {
        home?.periods(asOf: cut) ?? all
    }
}

/// Which windows of an assay hold something that goes, they or their baselines.
struct LeavingWindows {
    let topic: String
    private var own: LeavingPeriods
    /// Of baselines that move with the windows.
    private var baselines: LeavingPeriods
    private let baselinePeriod: (TimeWindow) -> TimeWindow?

    init(_ leaving: LeavingRecords, of assay: Assay, _ view: StoreView) {
        let (window, baseline) = (assay.definition.window, assay.definition.baseline)
        topic = leaving.topic
        own = LeavingPeriods(leaving, readBy: window, of: try? view.pipeline(of: window), view)
        baselines = LeavingPeriods()
        if case .slidingWindow(let spec, _) = baseline {
            baselines = LeavingPeriods(leaving, readBy: spec, of: try? view.pipeline(of: spec), view)
        }
        baselinePeriod = { baseline.period(for: $0) }
    }

    /// Of the second generation: at any of its paths.
    init(_ leaving: LeavingRecords, of assay: SeriesAssay, _ view: StoreView) {
        let definition = assay.definition
        topic = leaving.topic
        own = LeavingPeriods()
        // The paths' specifications differ in nothing else.
        if let spec = definition.paths.lazy.map(definition.windowSpec(of:)).first(where: { leaving.hold($0) })
        {
            let pipeline = definition.targeting.pipelineID.flatMap { view.catalog.pipelines[$0] }
            own = LeavingPeriods(leaving, readBy: spec, of: pipeline, view)
        }
        baselines = own
        baselinePeriod = { definition.baselinePeriod(for: $0) }
    }

    var isEmpty: Bool { own.isEmpty && baselines.isEmpty }

    /// Whether something goes of what a decision about a window saw, or would see at a commit.
    mutating func touch(_ window: TimeWindow, asOf cut: CommitNumber) -> Bool {
        own.touch(window, asOf: cut)
            || !baselines.isEmpty && baselines.touch(baselinePeriod(window), asOf: cut)
    }

    /// Those that `touch` tells of are among the windows that hold these times, or are compared with them: ranges of
    /// microseconds.
    var times: DisjointRanges { Self.ranges(own.all + baselines.all) }

    /// The same of what a decision saw, or would see at a commit.
    mutating func times(asOf cut: CommitNumber) -> DisjointRanges {
        Self.ranges(own.periods(asOf: cut) + baselines.periods(asOf: cut))
    }

    private static func ranges(_ periods: [TimeWindow]) -> DisjointRanges {
        var ranges = DisjointRanges()
        for period in periods {
            ranges.insert(Int(period.start.microseconds)..<Int(period.end.microseconds))
        }
        return ranges
    }
}

extension [TimeWindow] {
    /// The least windows that cover these: those that overlap or meet are one. Ascending.
    fileprivate var joinedWhereTheyMeet: [TimeWindow] {
        var windows: [TimeWindow] = []
        for window in sorted(by: { $0.start < $1.start }) {
            if let last = windows.last, last.end >= window.start {
                windows[windows.count - 1] = last.union(window)
            } else {
                windows.append(window)
            }
        }
        return windows
    }

    /// Whether one of these, which are disjoint and ascend, shares a moment with a period.
    fileprivate func touch(_ period: TimeWindow) -> Bool {
        let position = partitionPoint { $0.end > period.start }
        return position < count && self[position].start < period.end
    }
}
