// Which records a command is about: the options that several commands share, and what they mean.
//
// Invariant: a pipeline, workspace or location that is not there is refused with those that are; a model or
// version of which there is no record is refused, too.

import ArgumentParser
import Catalog
import EventLog
import Queries
import Records
import Store

extension DataDirectory {
    /// What is in the data directory now, whether or not a server writes it.
    /// - Returns: the view, and what of the log it cannot see.
    func open() throws -> (view: StoreView, damages: [String]) {
        let (view, report) = try StoreView.open(data)
        return (view, report.damages)
    }
}

/// `--pipeline` and `--workspace`.
struct PipelineOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The pipeline's name.", valueName: "name"))
    var pipeline: String

    @Option(
        help: ArgumentHelp("Its workspace, where several have a pipeline of that name.", valueName: "name"))
    var workspace: String?

    func choice(in catalog: Catalog, mayCreate: Bool) -> PipelineChoice<Pipeline> {
        PipelineChoice(self, among: catalog.workspaces.all.map { ($0.id, $0.name) }, mayCreate: mayCreate) {
            workspaceID in
            catalog.pipelines.all.filter {
                $0.name == pipeline && (workspaceID == nil || $0.workspaceID == workspaceID)
            }.map { (catalog.workspaces[$0.workspaceID]?.name ?? "\($0.workspaceID)", $0) }
        }
    }

    /// - Parameter remark: what is to be said where there is none, because a part of the log is not seen.
    func found(in catalog: Catalog, unseen remark: String?) throws -> Pipeline {
        switch choice(in: catalog, mayCreate: false) {
        case .found(let pipeline): return pipeline
        case .make: preconditionFailure("None may be made.")
        case .refused(let refusal): throw PipelineOptions.failure(refusal, in: catalog, unseen: remark)
        }
    }

    /// A refusal with what there is in the catalogue.
    ///
    /// - Parameter remedy: stands behind what is said of a name that there is not.
    static func failure(
        _ refusal: PipelineRefusal, in catalog: Catalog, unseen remark: String?, remedy: String = ""
    ) -> CommandFailure {
        let (problem, names): (String, [String])
        switch refusal {
        case .unclear(let problem): return CommandFailure(problem)
        case .noWorkspace(let said): (problem, names) = (said, catalog.workspaces.all.map(\.name))
        case .noPipeline(let said):
            (problem, names) = (said, Set(catalog.pipelines.all.map(\.name)).sorted())
        }
        return CommandFailure(
            problem + "; " + list(names, isWhole: remark == nil) + (remark.map { "; " + $0 } ?? "") + remedy)
    }

    private static func list(_ names: [String], isWhole: Bool) -> String {
        guard !names.isEmpty else {
            return isWhole
                ? "there is none yet: `assaylog append --create` makes it" : "there is none that is seen"
        }
        let shown = names.prefix(8).joined(separator: ", ")
        return "there is " + shown + (names.count > 8 ? " and \(names.count - 8) more" : "")
    }
}

/// `--start` and `--end`.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The first moment, as 2024-01-09T19:00:00Z; the beginning if left out.", valueName: "time"),
        transform: PeriodOptions.moment)
    var start: Timestamp?

    @Option(
        help: ArgumentHelp("The moment before which it ends; the end if left out.", valueName: "time"),
        transform: PeriodOptions.moment)
    var end: Timestamp?

    func validate() throws {
        if let start, let end, end < start {
            throw ValidationError(
                "--end is \(end.zuluText), before --start \(start.zuluText); exchange them.")
        }
    }

    var window: TimeWindow {
        TimeWindow(start: start ?? TimeWindow.always.start, end: end ?? TimeWindow.always.end)
    }

    @Sendable static func moment(_ text: String) throws -> Timestamp {
        do { return try Timestamp(parsing: text) } catch { throw ValidationError("\(error)") }
    }
}

/// `--path`.
struct PathOptions {
    @Sendable static func path(_ text: String) throws -> IOPath {
        do { return try IOPath(parsing: text) } catch { throw ValidationError("\(error)") }
    }

    /// Records whose paths are offered, from either end of the log's time: some blocks, and not all of them.
    private static let sampleRowCount = 100

    /// The refusal of a path at which no record has a number, with those at which some records have one.
    static func refusal(of path: IOPath, topic: String, in view: StoreView) throws -> CommandFailure {
        var names: [String] = []
        for newestFirst in [true, false] {
            let sample = try RecordScan(view.snapshot).window(
                topic: topic, .always, limit: sampleRowCount, newestFirst: newestFirst)
            for name in sample.batches.lazy.flatMap(\.fields).compactMap(numbers)
            where !names.contains(where: { $0.isExactly(name) }) {
                names.append(name)
            }
        }
        return CommandFailure(
            "--path is \"\(path.text)\", and no record there has a number at it; "
                + (names.isEmpty
                    ? "nor has the newest or the oldest of them at a path that can be asked for: `assaylog logs` "
                        + "shows what they hold"
                    : "there is " + names.joined(separator: ", ")))
    }

    /// The paths of a field that have numbers, in words; nil where none has. Text and truth values have none; values
    /// of several kinds, which are kept as JSON, have those of the rows that are numbers or have some.
    private static func numbers(of field: FieldColumn) -> String? {
        func quoted(_ element: Int?) -> String? {
            (try? IOPath(recordField: field.name, element: element)).map { "\"\($0.text)\"" }
        }
        func isNumeric(_ leaf: Leaf) -> Bool {
            switch leaf.elements {
            case .float64, .float32, .int64: leaf.nulls.count < leaf.count
            case .bool, .text: false
            }
        }
        switch field.values {
        case .scalar(let leaf): return isNumeric(leaf) ? quoted(nil) : nil
        case .fixedList(let leaves):
            let elements = leaves.indices.filter { isNumeric(leaves[$0]) }
            guard elements.count > 1, elements.count == leaves.count else {
                let some = elements.compactMap(quoted)
                return some.isEmpty ? nil : some.joined(separator: ", ")
            }
            return quoted(0).map { "\($0) to \"… \(leaves.count - 1)\"" }
        case .list(_, let leaf): return isNumeric(leaf) ? quoted(0).map { "\($0) and on" } : nil
        case .json(let texts):
            let found = LeafNumbers.elements(of: field, rows: nil, rowCount: texts.count)
            let elements = found.compactMap { $0 }.sorted()
            let lists = elements.first.flatMap(quoted).map { elements.count > 1 ? "\($0) and on" : $0 }
            let paths = [found.contains(nil) ? quoted(nil) : nil, lists].compactMap { $0 }
            return paths.isEmpty ? nil : paths.joined(separator: ", ")
        case .none: return nil
        }
    }
}

/// `--model`, `--pipeline-version` and `--location`.
struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only what this model answered.", valueName: "name"))
    var model: String?

    @Option(help: ArgumentHelp("Only what this version of the pipeline answered.", valueName: "uuid"))
    var pipelineVersion: String?

    @Option(
        help: ArgumentHelp(
            "Only records of this location (partition); may be given again.", valueName: "name"))
    var location: [String] = []

    /// The filter these options ask for, on the records of `topic`.
    func filter(topic: String, in view: StoreView) throws -> RecordFilter {
        let known = view.snapshot.index.topics[topic]?.nextIndexes.keys.sorted() ?? []
        for name in location where !known.contains(name) {
            throw CommandFailure(
                "--location is \"\(name)\", and the pipeline has no records of it; it has records of "
                    + (known.isEmpty ? "no location" : known.joined(separator: ", ")))
        }
        for (option, value, filter) in [
            ("--model", model, RecordFilter(modelName: model)),
            ("--pipeline-version", pipelineVersion, RecordFilter(pipelineVersion: pipelineVersion)),
        ] {
            guard let value else { continue }
            var reading = RecordReading(
                at: view.snapshot.cut, topic: topic, filter: filter, order: .address(newestFirst: false),
                limit: 1)
            // What cannot be seen may hold it.
            guard try reading.next(in: view.snapshot)?.rows.isEmpty ?? true, reading.unseen.isEmpty else {
                continue
            }
            throw CommandFailure("\(option) is \"\(value)\", and the pipeline has no records of it")
        }
        return RecordFilter(
            partitions: location.isEmpty ? nil : Set(location), modelName: model,
            pipelineVersion: pipelineVersion)
    }
}

extension TopicIndex {
    /// From the first record's time to just past the last one's; nil without records.
    var covered: TimeWindow? {
        times.map {
            TimeWindow(
                start: Timestamp(milliseconds: $0.lowerBound),
                end: Timestamp(milliseconds: $0.upperBound).adding(TimeSpan(microseconds: 1000)))
        }
    }
}
