// One model, loaded and ready: what it takes and gives is known, and it can be run.
//
// Invariants:
//  * A session exists only for a model that we serve whole: every input and output is a tensor of
//    a served type. So "it loaded" is what an upload needs to know.
//  * `run` asks the runtime only what fits the signature.
//  * Results are copied out of the runtime's memory before it is let go.
//  * On every path, thrown or returned, each object of the runtime's is released once.
//
// A model file is a program. The runtime confines it to arithmetic and to its own folder's files,
// but a model may be as slow or as large as its maker likes: who may upload one is for the caller.

import Glibc

/// A loaded model.
///
/// `@unchecked Sendable` because all stored properties are constants, and the runtime promises that
/// one session may be run by many threads at once; each run's values are its own.
package final class ModelSession: @unchecked Sendable {
    /// As the model file states it, read once.
    package let signature: ModelSignature
    private let library: OnnxRuntimeLibrary
    private let session: RuntimeObject
    private let memory: RuntimeObject
    private let inputNames: NameList
    private let outputNames: NameList

    /// Loads the model file at `path`.
    ///
    /// Throws `invalidModel` for what is no model (absent, empty, cut short, of unknown operators),
    /// and `unsupportedType`, naming the field, for one that we do not serve. Weights kept in
    /// other files are found in the model's own folder and nowhere else.
    package init(runtime: ModelRuntime, path: String) throws(ServingError) {
        let library = runtime.library
        let table = library.table
        let options = try library.make(releasedBy: table.releaseSessionOptions) {
            table.createSessionOptions($0)
        }
        let threadCount = OnnxRuntimeNumber.threadCount
        try library.check(table.setIntraOperatorThreadCount(options.pointer, threadCount))
        try library.check(table.setInterOperatorThreadCount(options.pointer, threadCount))
        try library.check(table.setLogSeverity(options.pointer, OnnxRuntimeNumber.severityFatal))

        let session: RuntimeObject
        do {
            session = try library.make(releasedBy: table.releaseSession) {
                table.createSession(library.environment, path, options.pointer, $0)
            }
        } catch {
            if case .runtime(let reason) = error { throw .invalidModel(reason: reason) }
            throw error
        }
        signature = try SignatureReader(library: library, session: session.pointer).signature()
        memory = try library.make(releasedBy: table.releaseMemoryInfo) {
            table.createMemoryInfo(
                OnnxRuntimeNumber.arenaAllocator, OnnxRuntimeNumber.defaultMemory, $0)
        }
        inputNames = NameList(signature.inputs.map(\.name))
        outputNames = NameList(signature.outputs.map(\.name))
        self.session = session
        self.library = library
    }

    /// Runs the model on `inputs`, given in any order, and returns all outputs in the model's.
    ///
    /// Throws what `ModelSignature.arranged` throws for inputs that do not fit, and `runtime` if
    /// the model itself fails. It blocks the calling thread for as long as the model computes, so
    /// a large batch does not belong on a thread that others wait for. May be called from many
    /// threads at once. A row's results do not depend on the rows beside it unless the model mixes
    /// rows; that a batch gives the very bits of single runs holds for our sample and is tested,
    /// but the runtime does not promise it of every model.
    package func run(_ inputs: [Tensor]) throws(ServingError) -> [Tensor] {
        let arranged = try signature.arranged(inputs)
        let given = RuntimeValues(count: arranged.count, in: library)
        return try lend(arranged[...], to: given)
    }

    /// Lends the values of the first of `inputs` to the runtime, then of the rest, then runs. The
    /// nesting is what keeps all their memory in place until the run has ended.
    private func lend(
        _ inputs: ArraySlice<Tensor>, to given: borrowing RuntimeValues
    ) throws(ServingError) -> [Tensor] {
        guard let tensor = inputs.first else { return try runWith(given) }
        return switch tensor.values {
        case .float32(let values):
            try lend(values, of: tensor, before: inputs.dropFirst(), to: given)
        case .float64(let values):
            try lend(values, of: tensor, before: inputs.dropFirst(), to: given)
        case .int64(let values): try lend(values, of: tensor, before: inputs.dropFirst(), to: given)
        case .int32(let values): try lend(values, of: tensor, before: inputs.dropFirst(), to: given)
        case .boolean(let values):
            try lend(values, of: tensor, before: inputs.dropFirst(), to: given)
        }
    }

    private func lend<Element>(
        _ values: [Element], of tensor: Tensor, before rest: ArraySlice<Tensor>,
        to given: borrowing RuntimeValues
    ) throws(ServingError) -> [Tensor] {
        let position = given.count - rest.count - 1
        let shape = tensor.shape.map { Int64($0) }
        return try values.withUnsafeBufferPointer { buffer throws(ServingError) in
            // The address is mutable by type only: the runtime writes to outputs, never to inputs.
            try library.check(
                library.table.createTensor(
                    memory.pointer, UnsafeMutableRawPointer(mutating: buffer.baseAddress),
                    buffer.count * MemoryLayout<Element>.stride, shape, shape.count,
                    tensor.elementType.runtimeNumber, given.places + position))
            return try lend(rest, to: given)
        }
    }

    private func runWith(_ given: borrowing RuntimeValues) throws(ServingError) -> [Tensor] {
        let results = RuntimeValues(count: signature.outputs.count, in: library)
        try library.check(
            library.table.run(
                session.pointer, nil, inputNames.texts, given.places, given.count,
                outputNames.texts, results.count, results.places))
        var outputs: [Tensor] = []
        outputs.reserveCapacity(results.count)
        for (position, output) in signature.outputs.enumerated() {
            guard let value = results.places[position] else {
                throw .runtime(reason: "the output \"\(output.name)\" was not returned")
            }
            outputs.append(try copy(value, as: output))
        }
        return outputs
    }

    /// The tensor in `value`, in memory of its own.
    private func copy(
        _ value: OpaquePointer, as output: TensorSignature
    ) throws(ServingError) -> Tensor {
        let table = library.table
        let info = try library.make(releasedBy: table.releaseTensorInfo) {
            table.shapeOfValue(value, $0)
        }
        let (number, shape) = try library.elementTypeAndShape(of: info.pointer)
        guard TensorElementType(runtimeNumber: number) == output.elementType else {
            throw .unsupportedType(
                field: output.name, type: OnnxRuntimeNumber.name(ofElementType: number))
        }
        var address: UnsafeMutableRawPointer?
        try library.check(table.valueData(value, &address))
        let start = address
        let count = shape.reduce(1, *)
        func values<Element>(_ type: Element.Type) -> [Element] {
            // The runtime aligns what it allocates, so the memory may be read as the type it holds.
            guard let start, count > 0 else { return [] }
            return Array(
                UnsafeBufferPointer(start: start.assumingMemoryBound(to: type), count: count))
        }
        let copied: Tensor.Values =
            switch output.elementType {
            case .float32: .float32(values(Float.self))
            case .float64: .float64(values(Double.self))
            case .int64: .int64(values(Int64.self))
            case .int32: .int32(values(Int32.self))
            // A byte each; a Swift Bool must be 0 or 1, so it is made and not reinterpreted.
            case .boolean: .boolean(values(UInt8.self).map { $0 != 0 })
            }
        return Tensor(name: output.name, shape: shape, values: copied)
    }
}

/// Names as the runtime wants them at each run: C texts at addresses that stay.
private struct NameList: ~Copyable {
    let texts: UnsafeMutablePointer<UnsafePointer<CChar>?>
    private let count: Int

    init(_ names: [String]) {
        count = names.count
        texts = .allocate(capacity: names.count)
        for (position, name) in names.enumerated() {
            guard let text = strdup(name) else { preconditionFailure("No memory for a name.") }
            (texts + position).initialize(to: UnsafePointer(text))
        }
    }

    deinit {
        for position in 0..<count { free(UnsafeMutablePointer(mutating: texts[position])) }
        texts.deallocate()
    }
}
