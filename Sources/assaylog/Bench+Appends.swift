// The phases of `assaylog bench` that write: batches, what the background makes of them, and bodies of JSON. What is
// written is made beforehand, so that making it is not measured.

import ArgumentParser
import EventLog
import JSON
import Records
import Store
import Wire

extension Bench {
    func append(_ workload: Workload, _ store: InferenceStore) async throws {
        let commits = workload.recordCount / rows
        let (rows, clients) = (self.rows, self.clients)
        // Batches are made beforehand, a few hundred at a time, so that making them is not measured.
        var nanoseconds: Int64 = 0
        var processorNanoseconds: Int64 = 0
        var done = 0
        while done < commits {
            let group = min(256, commits - done)
            let batches = (done..<done + group).map { workload.batch($0, rows: rows) }
            let first = done
            let start = SystemSources.monotonicClock()
            let processorStart = Bench.processorClock()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for client in 0..<clients {
                    tasks.addTask {
                        for position in stride(from: client, to: group, by: clients) {
                            let topic = Workload.topic(workload.pipeline(first + position))
                            _ = try await store.append(
                                batches[position], topic: topic, partition: Workload.partition)
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            nanoseconds += SystemSources.monotonicClock() - start
            processorNanoseconds += Bench.processorClock() - processorStart
            done += group
        }
        let byteCount = store.log.snapshot().index.topics.values.reduce(0) { $0 + $1.byteCount }
        let count = commits * rows
        report(
            "append", ("records", .integer(count)), ("rows_per_commit", .integer(rows)),
            ("clients", .integer(clients)),
            ("rows_per_second", .integer(Int(Double(count) / (Double(nanoseconds) / 1e9)))),
            ("bytes_per_record", .number(Double(byteCount) / Double(count))),
            ("cpu_us_per_record", .number(Double(processorNanoseconds) / Double(count) / 1000)))
    }

    /// What the server does in the background once segments have come to rest, here waited for.
    func settle(_ store: InferenceStore) async throws {
        let processorTime = Bench.processorClock()
        let start = SystemSources.monotonicClock()
        let made = try await store.compact()
        report(
            "settle", ("us", .number(Double(SystemSources.monotonicClock() - start) / 1000)),
            ("segments", .integer(made.segmentsAfter)), ("bytes", .integer(made.bytesAfter)),
            cpu(since: processorTime, each: 1))
    }

    func parse(_ workload: Workload) throws {
        var writer = RecordWriter()
        writer.write(workload.batch(0, rows: rows))
        let body = writer.finish()
        var best = Int64.max
        for _ in 0..<questions {
            let start = SystemSources.monotonicClock()
            _ = try RecordParser.parse(body, as: .array)
            best = min(best, SystemSources.monotonicClock() - start)
        }
        report(
            "parse JSON", ("rows_per_second", .integer(Int(Double(rows) / (Double(best) / 1e9)))),
            ("megabytes_per_second", .number(Double(body.count) / Double(best) * 1000)),
            ("bytes_per_record", .integer(body.count / rows)))
    }

    /// Bodies as clients post them, one after another: parsed and made durable by what a request's handler
    /// calls once the bytes are there.
    func appendJSON(_ store: InferenceStore) async throws {
        let workload = Workload(pipelineCount: pipelines, recordCount: records, decimals: true)
        let topic = Workload.topic(0)
        let partition = "bench-json"
        func storedCount() -> UInt64 {
            store.log.snapshot().index.topics[topic]?.nextIndexes[partition] ?? 0
        }
        let before = storedCount()
        let commits = min(workload.recordCount, 500_000) / rows
        var nanoseconds: Int64 = 0
        var parsing: Int64 = 0
        var processorNanoseconds: Int64 = 0
        var byteCount = 0
        var done = 0
        while done < commits {
            // Made beforehand, and few at a time: a body of 1,000 rows has most of a megabyte.
            let bodies = (done..<min(done + 64, commits)).map { commit in
                var writer = RecordWriter()
                writer.write(workload.batch(commit, rows: rows))
                return writer.finish()
            }
            let start = SystemSources.monotonicClock()
            let processorStart = Bench.processorClock()
            for body in bodies {
                let float32Fields = store.float32Fields(ofTopic: topic)
                let now = store.sources.now().milliseconds
                let parseStart = SystemSources.monotonicClock()
                var parsed = try RecordParser.parse(body, as: .array, float32Fields: float32Fields)
                parsing += SystemSources.monotonicClock() - parseStart
                for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = now }
                _ = try await store.append(parsed.batch, topic: topic, partition: partition)
            }
            nanoseconds += SystemSources.monotonicClock() - start
            processorNanoseconds += Bench.processorClock() - processorStart
            byteCount += bodies.reduce(0) { $0 + $1.count }
            done += bodies.count
        }
        let count = commits * rows
        guard storedCount() - before == UInt64(count) else {
            throw ValidationError(
                "\(storedCount() - before) records are stored of \(count) that were appended.")
        }
        report(
            "json", ("records", .integer(count)), ("rows_per_body", .integer(rows)),
            ("rows_per_second", .integer(Int(Double(count) / (Double(nanoseconds) / 1e9)))),
            ("parse_us_per_body", .number(Double(parsing) / Double(commits) / 1000)),
            ("bytes_per_row_posted", .integer(byteCount / count)),
            ("cpu_us_per_record", .number(Double(processorNanoseconds) / Double(count) / 1000)))
    }
}
