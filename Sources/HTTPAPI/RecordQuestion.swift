// Reading of a request which records are meant, and where their next page begins.

import Catalog
import EventLog
import Hummingbird
import JSON
import Queries
import Records
import Store

extension Request {
    /// `partition_filter`, `model_name` and `pipeline_version` of the query.
    func recordFilter() throws -> RecordFilter {
        let partitions = try query("partition_filter")
        guard !partitions.contains("") else {
            throw FieldError(
                field: "partition_filter", problem: "is empty; name a partition, or leave it out for all")
        }
        return RecordFilter(
            partitions: partitions.isEmpty ? nil : Set(partitions), modelName: try query("model_name").first,
            pipelineVersion: try query("pipeline_version").first)
    }
}

extension RecordFilter {
    /// `locations`, `model_name` and `pipeline_version` of a request's body. What an empty list of locations means
    /// is up to the pipeline and a cut: `StoreView.meant(by:of:at:)`.
    init(_ body: JSONField) throws {
        let locations = try body["locations"].optional?.array().map { try $0.string() }
        self.init(
            partitions: locations.map { Set($0) }, modelName: try body["model_name"].optional?.string(),
            pipelineVersion: try body["pipeline_version"].optional?.string())
    }
}

extension StoreView {
    /// A filter as of a cut: an empty list of locations are the home partitions of then, as in an assay's window.
    func meant(by filter: RecordFilter, of pipeline: Pipeline, at cut: CommitNumber) throws -> RecordFilter {
        guard filter.partitions == [] else { return filter }
        var meant = filter
        meant.partitions = try partitions(of: .home, pipeline, at: cut)
        return meant
    }
}

extension PageToken {
    /// Reads a request's token for a question; nil where it sent none.
    init?(
        _ text: String?, _ field: String, for question: Question, in snapshot: LogSnapshot
    ) throws {
        guard let text else { return nil }
        do throws(Refusal) {
            try self.init(parsing: text, for: question, in: snapshot)
        } catch {
            throw FieldError(field: field, problem: error.description)
        }
    }
}
