// Invariants checked: one session is run by many at once, and nothing leaves memory behind in the
// library itself. (OnnxRuntimeLibraryTests counts what we release; this finds what we forgot to.)
//
//     runner 1        runner 2        …  runner 8
//     rows 0 ..< 10   rows 10 ..< 20     rows 70 ..< 80     the same session, at once
//     rows 80 ..< 90  …                                     until each has asked all rows
//
// Each compares every answer with that of a quiet run, bit for bit.

import Glibc
import Serving
import Testing

@Suite("Sharing one session", .serialized, .enabled(if: Library.isNamed, Library.remedy))
struct ModelSessionSharingTests {
    @Test("many runners of one session get the answers of a quiet run")
    func concurrentRuns() async throws {
        let session = try Library.session("card_fraud.onnx")
        let rows = try TestData.transactions()
        let batches = stride(from: 0, to: rows.count, by: 10).map { start in
            Tensor(
                name: "dense_input", shape: [10, 29],
                values: .float32(rows[start..<start + 10].flatMap { $0 }))
        }
        let quiet = try batches.map { try session.run([$0]) }
        let differences = try await withThrowingTaskGroup(of: Int.self) { group in
            for runner in 0..<8 {
                group.addTask {
                    var differences = 0
                    for step in 0..<batches.count * 5 {
                        let index = (runner + step) % batches.count
                        if try session.run([batches[index]]) != quiet[index] { differences += 1 }
                    }
                    return differences
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(differences == 0)
    }

    @Test("runs and refused runs leave no memory behind")
    func runsLeaveNothing() throws {
        let session = try Library.session("amounts_and_rates.onnx")
        let amounts = Tensor(name: "amounts", shape: [1, 3], values: .float32([1, 2, 3]))
        let rates = Tensor(name: "rates", shape: [1, 2], values: .float64([1, 2]))
        let narrow = Tensor(name: "rates", shape: [1, 1], values: .float64([1]))
        // One object of 32 bytes forgotten a run would be 32 kB.
        let growth = try leastHeapGrowth(of: 1000) {
            _ = try session.run([amounts, rates])
            _ = try? session.run([amounts, narrow])
        }
        #expect(growth < 16_000)
    }

    @Test(
        "models that load and models that we refuse leave no memory behind",
        arguments: ["amounts_and_rates.onnx", "text_input.onnx"])
    func loadsLeaveNothing(model: String) throws {
        let runtime = try Library.opened.get()
        let bytes = try TestData.bytes(ofModel: model)
        // The runtime itself keeps some 40 bytes a load, also when used from C. Four names that
        // were forgotten would be another 128, anything else much more.
        let growth = try leastHeapGrowth(of: 300) {
            _ = try? ModelSession(runtime: runtime, bytes: bytes)
        }
        #expect(growth < 300 * 100)
    }

    /// What the heap holds more after `count` times `body`, in bytes: the least of several rounds,
    /// because the first fills caches and tests beside this one use the heap too.
    private func leastHeapGrowth(of count: Int, _ body: () throws -> Void) throws -> Int {
        var least = Int.max
        for _ in 0..<6 {
            let before = try heapByteCount()
            for _ in 0..<count { try body() }
            least = min(least, try heapByteCount() - before)
        }
        return least
    }

    /// Bytes that were allocated and not freed. Asked of `malloc_info` because it counts what the
    /// library allocates too, and through `dlsym` because the Glibc module leaves its header out.
    private func heapByteCount() throws -> Int {
        typealias MallocInfo = @convention(c) (Int32, OpaquePointer) -> Int32
        let function = try #require(dlsym(nil, "malloc_info"))
        var text: UnsafeMutablePointer<CChar>?
        var size = 0
        let stream = try #require(open_memstream(&text, &size))
        #expect(unsafeBitCast(function, to: MallocInfo.self)(0, OpaquePointer(stream)) == 0)
        fclose(stream)
        defer { free(text) }
        // Totals of all arenas stand last, one element a line: what the system gave, what is free.
        let lines = String(cString: try #require(text)).split(separator: "\n")
        func total(_ beginning: String) throws -> Int {
            let line = lines.last { $0.hasPrefix(beginning) }
            let number = line?.split(separator: "\"").compactMap { Int($0) }.last
            return try #require(number)
        }
        return try total("<system type=\"current\"") + total("<total type=\"mmap\"")
            - total("<total type=\"fast\"") - total("<total type=\"rest\"")
    }
}
