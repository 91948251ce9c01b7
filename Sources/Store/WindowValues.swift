// The values that an assay looks at: which records a window specification means, and their numbers.
//
// Invariants:
//  * The same specification, snapshot and cut give the same values.
//  * Who asks of home partitions where all are edges is refused with what there is instead. A stored assay is not
//    stopped by that: there its windows and baselines hold nothing, until a partition is home again.

import Assays
import Bytes
import Catalog
import EventLog
import JSON
import Queries
import Records

/// What a window specification means: whose records, and which of them.
struct WindowScope {
    var pipeline: Pipeline
    var filter: RecordFilter

    var topic: String { pipeline.topic.name }
}

extension StoreView {
    /// The pipeline whose records `spec` means.
    func pipeline(of spec: AssayWindowSpec) throws -> Pipeline {
        try catalog.pipeline(named: spec.pipelineName, in: spec.workspaceID)
    }

    /// Finds the pipeline and the partitions that `spec` names, as of `cut`; nil for now. Home may be empty.
    func scope(of spec: AssayWindowSpec, cut: CommitNumber? = nil) throws -> WindowScope {
        if let id = spec.workspaceID { try catalog.requireWorkspace(id) }
        let pipeline = try catalog.pipeline(named: spec.pipelineName, in: spec.workspaceID)
        let partitions = partitions(thereIn: pipeline, of: spec.locations, at: cut ?? snapshot.cut)
        return WindowScope(
            pipeline: pipeline, filter: RecordFilter(partitions: partitions, modelName: spec.modelName))
    }

    /// The windows of an assay, whoever asks for them: the first starts where that is said, else where the first one
    /// that was decided does, else with the first record of the topic, wherever it is from. So assays of several
    /// locations have the same windows.
    ///
    /// - Parameter firstDecided: where the first window starts that was decided: an older record that comes late must
    ///   not move the grid under the decisions.
    /// - Returns: nil where windows start with the first record and there is none.
    func grid(
        of definition: AssayDefinition, in topic: String, firstDecided: Timestamp? = nil
    ) -> WindowGrid? {
        let start =
            definition.windowStart ?? firstDecided
            ?? snapshot.index.topics[topic]?.times.map { Timestamp(milliseconds: $0.lowerBound) }
        return start.map { definition.grid(startingAt: $0) }
    }

    /// Refuses a specification that is asked with, where what it names is not there or its home is empty.
    func checkScope(of spec: AssayWindowSpec) throws {
        let scope = try scope(of: spec)
        if let problem = emptyHome(scope.pipeline, spec.locations, scope.filter.partitions) { throw problem }
    }

    /// The partitions that `filter` means as of `cut`; nil for all.
    ///
    /// - Throws: where they are those at home, and all that hold records are edges.
    package func partitions(
        of filter: LocationFilter, _ pipeline: Pipeline, at cut: CommitNumber
    ) throws -> Set<String>? {
        let partitions = partitions(thereIn: pipeline, of: filter, at: cut)
        if let problem = emptyHome(pipeline, filter, partitions) { throw problem }
        return partitions
    }

    /// The same, empty where all partitions are edges.
    private func partitions(
        thereIn pipeline: Pipeline, of filter: LocationFilter, at cut: CommitNumber
    ) -> Set<String>? {
        switch filter {
        case .all: return nil
        case .named(let names): return Set(names)
        case .home:
            let edges = locations(of: pipeline.id, at: cut)
            return edges.isEmpty ? nil : partitions(holdingRecordsOf: pipeline).subtracting(edges)
        }
    }

    private func partitions(holdingRecordsOf pipeline: Pipeline) -> Set<String> {
        snapshot.index.topics[pipeline.topic.name].map { Set($0.nextIndexes.keys) } ?? []
    }

    /// What to say of `partitions` that `filter` means, where they are none of those that hold records; nil
    /// where it is another filter, and where none does.
    func emptyHome(
        _ pipeline: Pipeline, _ filter: LocationFilter, _ partitions: Set<String>?
    ) -> FieldError? {
        guard filter == .home, partitions?.isEmpty == true else { return nil }
        let found = self.partitions(holdingRecordsOf: pipeline)
        guard !found.isEmpty else { return nil }
        return FieldError(
            field: "locations",
            problem: "is empty, which means the home partitions, and those hold no records; name "
                + "some of \(found.sorted().joined(separator: ", ")), or leave it out for all")
    }

    /// The numbers of `spec`'s path in `period`, up to `cut`.
    ///
    /// - Parameters:
    ///   - atOnce: how many threads may read them, where they are many.
    ///   - wantsTimes: false where the numbers alone matter, in whatever order.
    package func values(
        of spec: AssayWindowSpec, in period: TimeWindow, cut: CommitNumber? = nil,
        atOnce: Int = Processors.count, wantsTimes: Bool = true
    ) throws -> ColumnValues {
        let scope = try scope(of: spec, cut: cut)
        return try ColumnScan(snapshot).values(
            WindowQuery(
                topic: scope.topic, window: period, path: spec.path, filter: scope.filter, cut: cut),
            atOnce: atOnce, wantsTimes: wantsTimes)
    }

    /// Refuses a path at which no record of the pipeline and partitions ever had a number. What was looked at
    /// may have none: which other records its blocks hold must not decide what is answered.
    ///
    /// - Parameter field: the member of the request that must change.
    func checkPath(_ spec: AssayWindowSpec, _ values: ColumnValues, field: String = "window.path") throws {
        guard !values.values.isEmpty, !values.pathWasFound else { return }
        if let problem = try pathProblem(spec, field: field) { throw problem }
    }

    private func unknownPath(_ spec: AssayWindowSpec, field: String = "window.path") -> FieldError {
        FieldError(
            field: field,
            problem: "is \"\(spec.path.text)\", and no record of pipeline \"\(spec.pipelineName)\" there has "
                + "a number at it; "
                + (fieldMeant(by: spec).map { "write \"\($0.text)\" for the field of that name" }
                    ?? "write \"input|output field index\" with a field that the records have"))
    }

    /// The whole field that is called as the path of `spec`, element and all; nil where records have none.
    private func fieldMeant(by spec: AssayWindowSpec) -> IOPath? {
        guard let element = spec.path.element,
            let path = try? IOPath(recordField: "\(spec.path.recordField) \(element)", element: nil)
        else { return nil }
        var spec = spec
        spec.path = path
        return (try? lacksField(of: spec)) == false ? path : nil
    }

    /// Why no record of `spec`'s pipeline and partitions could have a number at its path, whenever it came;
    /// nil where one has, where there is no record at all, and where damage hides some.
    func pathProblem(_ spec: AssayWindowSpec, field: String = "window.path") throws -> FieldError? {
        let scope = try scope(of: spec)
        let query = WindowQuery(
            topic: scope.topic, window: .always, path: spec.path, filter: scope.filter)
        return try ColumnScan(snapshot).mayHaveNumbers(query) ? nil : unknownPath(spec, field: field)
    }

    /// Whether no record of `spec`'s pipeline and partitions has the field of its path, whenever it came and
    /// with whatever value.
    func lacksField(of spec: AssayWindowSpec) throws -> Bool {
        let scope = try scope(of: spec)
        let query = WindowQuery(
            topic: scope.topic, window: .always, path: spec.path, filter: scope.filter)
        return try !ColumnScan(snapshot).mayHaveField(query)
    }
}
