// Asks a loaded model what it takes and gives, and refuses what we do not serve.
//
// Invariants:
//  * The signature lists every input that must be given and every output, in the model's order.
//    Inputs with a default in the model are constants to us: the runtime does not list them.
//  * A field that is no tensor of a served type is refused by name here, at loading; so no run ever
//    meets one.

/// Reads the signature of one loaded model.
struct SignatureReader {
    let library: OnnxRuntimeLibrary
    /// Owned by the caller, who keeps it alive.
    let session: OpaquePointer

    func signature() throws(ServingError) -> ModelSignature {
        let table = library.table
        return ModelSignature(
            inputs: try fields(table.inputCount, table.inputName, table.inputType),
            outputs: try fields(table.outputCount, table.outputName, table.outputType))
    }

    private func fields(
        _ countOf: OnnxRuntimeTable.Count, _ nameAt: OnnxRuntimeTable.NameAt,
        _ typeAt: OnnxRuntimeTable.InnerAt
    ) throws(ServingError) -> [TensorSignature] {
        var count = 0
        try library.check(countOf(session, &count))
        var fields: [TensorSignature] = []
        fields.reserveCapacity(count)
        for position in 0..<count {
            let name = try name(at: position, nameAt)
            let type = try library.make(releasedBy: library.table.releaseTypeInfo) {
                typeAt(session, position, $0)
            }
            fields.append(try field(name, of: type.pointer))
        }
        return fields
    }

    private func name(
        at position: Int, _ nameAt: OnnxRuntimeTable.NameAt
    ) throws(ServingError) -> String {
        // The runtime's allocator is its own; it is not released.
        var allocator: OpaquePointer?
        try library.check(library.table.defaultAllocator(&allocator))
        guard let allocator else { throw .runtime(reason: "has no allocator") }
        var text: UnsafeMutablePointer<CChar>?
        try library.check(nameAt(session, position, allocator, &text))
        guard let text else { throw .runtime(reason: "returned no name") }
        let name = String(validatingCString: text)
        try library.check(library.table.allocatorFree(allocator, text))
        // A name travels as JSON and comes back to ask the model by it: it must survive as text.
        guard let name else { throw .invalidModel(reason: "field \(position) has no UTF-8 name") }
        return name
    }

    private func field(
        _ name: String, of type: OpaquePointer
    ) throws(ServingError) -> TensorSignature {
        var kind: Int32 = 0
        try library.check(library.table.valueKind(type, &kind))
        guard kind == OnnxRuntimeNumber.tensorKind else {
            throw .unsupportedType(field: name, type: OnnxRuntimeNumber.name(ofKind: kind))
        }
        // Part of `type`, and released with it.
        var info: OpaquePointer?
        try library.check(library.table.tensorInfo(type, &info))
        guard let info else { throw .runtime(reason: "\"\(name)\" has no tensor type") }
        let (number, dimensions) = try library.elementTypeAndShape(of: info)
        guard let elementType = TensorElementType(runtimeNumber: number) else {
            throw .unsupportedType(field: name, type: OnnxRuntimeNumber.name(ofElementType: number))
        }
        return TensorSignature(name: name, elementType: elementType, dimensions: dimensions)
    }
}

extension OnnxRuntimeLibrary {
    /// The runtime's number of the element type, and the shape, of a declared or an actual tensor.
    /// In a declared one, -1 is a size that is known when the model runs.
    func elementTypeAndShape(
        of info: OpaquePointer
    ) throws(ServingError) -> (elementType: Int32, shape: [Int]) {
        var elementType: Int32 = 0
        try check(table.elementType(info, &elementType))
        var count = 0
        try check(table.dimensionCount(info, &count))
        var shape = [Int64](repeating: 0, count: count)
        try check(table.dimensions(info, &shape, count))
        return (elementType, shape.map { Int($0) })
    }
}
