# Qdrant's own engine behind its gRPC: the servicers of PyPI's qdrant-client, the engine of qdrant-edge-py. Not here, of a real
# server: its queue, its strict mode, its cluster. Prints its port. Collections are kept in the folder, also over a kill. Ends with
# the process that has started it.
# Arguments: FOLDER [--port N] [--version V] [--api-key KEY] [--cert PEM --key PEM]
import argparse
import json
import os
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import qdrant_edge as edge
from qdrant_client import grpc as q
from qdrant_client.conversions.conversion import GrpcToRest
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

DISTANCES = {q.Cosine: edge.Distance.Cosine, q.Euclid: edge.Distance.Euclid, q.Dot: edge.Distance.Dot, q.Manhattan: edge.Distance.Manhattan}
MODES = {q.Upsert: edge.UpdateMode.Upsert, q.InsertOnly: edge.UpdateMode.InsertOnly, q.UpdateOnly: edge.UpdateMode.UpdateOnly}
DATATYPES = {q.Uint8: edge.VectorStorageDatatype.Uint8, q.Float16: edge.VectorStorageDatatype.Float16}
INDEXES = [
    (edge.PayloadSchemaType.Keyword, q.PayloadSchemaType.Keyword),
    (edge.PayloadSchemaType.Integer, q.PayloadSchemaType.Integer),
    (edge.PayloadSchemaType.Float, q.PayloadSchemaType.Float),
    (edge.PayloadSchemaType.Geo, q.PayloadSchemaType.Geo),
    (edge.PayloadSchemaType.Text, q.PayloadSchemaType.Text),
    (edge.PayloadSchemaType.Bool, q.PayloadSchemaType.Bool),
    (edge.PayloadSchemaType.Datetime, q.PayloadSchemaType.Datetime),
    (edge.PayloadSchemaType.Uuid, q.PayloadSchemaType.Uuid),
]


def dense(params):
    multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if params.HasField("multivector_config") else None
    return edge.EdgeVectorParams(
        params.size, DISTANCES[params.distance], multivector_config=multi, datatype=DATATYPES.get(params.datatype)
    )


def config(params):
    vectors = params.vectors_config
    if vectors.WhichOneof("config") == "params":
        named = dense(vectors.params)
    else:
        named = {name: dense(one) for name, one in vectors.params_map.map.items()}
    sparse = {name: edge.EdgeSparseVectorParams() for name in params.sparse_vectors_config.map}
    return edge.EdgeConfig(vectors=named, sparse_vectors=sparse)


def vector(one):
    kind = one.WhichOneof("vector")
    if kind == "dense":
        return list(one.dense.data)
    if kind == "multi_dense":
        return [list(row.data) for row in one.multi_dense.vectors]
    if kind == "sparse":
        return edge.SparseVector(list(one.sparse.indices), list(one.sparse.values))
    if kind == "document" and one.document.model == "qdrant/bm25":
        return edge.Bm25().embed_document(one.document.text)
    raise ValueError(f"no such model, or no vector: {kind}")


def vectors(all):
    kind = all.WhichOneof("vectors_options")
    if kind == "vector":
        return vector(all.vector)
    return {name: vector(one) for name, one in all.vectors.vectors.items()}


def condition(one):
    kind = one.WhichOneof("condition_one_of")
    if kind == "filter":
        return filter_of(one.filter)
    if kind == "has_id":
        return edge.HasIdCondition({GrpcToRest.convert_point_id(id) for id in one.has_id.has_id})
    if kind == "is_empty":
        return edge.IsEmptyCondition(one.is_empty.key)
    field = one.field
    if field.HasField("match"):
        return edge.FieldCondition(field.key, match=edge.MatchValue(getattr(field.match, field.match.WhichOneof("match_value"))))
    bounds = {name: getattr(field.range, name) for name in ("gte", "gt", "lte", "lt") if field.range.HasField(name)}
    return edge.FieldCondition(field.key, range=edge.RangeFloat(**bounds))


def filter_of(filter):
    parts = {name: [condition(one) for one in getattr(filter, name)] for name in ("must", "should", "must_not")}
    return edge.Filter(**{name: some or None for name, some in parts.items()})


class Store:
    def __init__(self, folder):
        self.folder, self.lock, self.open = Path(folder), threading.RLock(), {}
        self.folder.mkdir(parents=True, exist_ok=True)
        for described in self.folder.glob("*.pb"):
            params = q.CollectionParams.FromString(described.read_bytes())
            self.open[described.stem] = (edge.EdgeShard.load(str(self.folder / described.stem)), params)

    def shard(self, name, context):
        if name not in self.open:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{name}` doesn't exist!")
        return self.open[name][0]


class Health(qdrant_pb2_grpc.QdrantServicer):
    def __init__(self, version):
        self.version = version

    def HealthCheck(self, request, context):
        return q.HealthCheckReply(title="qdrant - vector search engine", version=self.version)


class Collections(collections_service_pb2_grpc.CollectionsServicer):
    def __init__(self, store):
        self.store = store

    def Create(self, request, context):
        name = request.collection_name
        with self.store.lock:
            if name in self.store.open:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Wrong input: Collection `{name}` already exists!")
            params = q.CollectionParams(
                shard_number=1, vectors_config=request.vectors_config, sparse_vectors_config=request.sparse_vectors_config
            )
            shard = edge.EdgeShard.create(str(self.store.folder / name), config(params))
            (self.store.folder / f"{name}.pb").write_bytes(params.SerializeToString())
            self.store.open[name] = (shard, params)
        return q.CollectionOperationResponse(result=True)

    def Delete(self, request, context):
        with self.store.lock:
            gone = self.store.open.pop(request.collection_name, None)
            if gone:
                gone[0].close()
                name = self.store.folder / request.collection_name
                name.with_name(name.name + ".pb").unlink()
                name.rename(name.with_name(f"{name.name}.dropped-{len(list(self.store.folder.iterdir()))}"))
        return q.CollectionOperationResponse(result=gone is not None)

    def Get(self, request, context):
        with self.store.lock:
            info = self.store.shard(request.collection_name, context).info()
            kinds = {field: next(ours for theirs, ours in INDEXES if theirs == one.data_type) for field, one in info.payload_schema.items()}
            return q.GetCollectionInfoResponse(
                result=q.CollectionInfo(
                    config=q.CollectionConfig(params=self.store.open[request.collection_name][1]),
                    payload_schema={field: q.PayloadSchemaInfo(data_type=kind) for field, kind in kinds.items()},
                    points_count=info.points_count,
                )
            )


class Points(points_service_pb2_grpc.PointsServicer):
    def __init__(self, store):
        self.store = store

    def UpdateBatch(self, request, context):
        results = [self.update(request, operation, context) for operation in request.operations]
        return q.UpdateBatchResponse(result=results)

    def Upsert(self, request, context):
        operation = q.PointsUpdateOperation(upsert=q.PointsUpdateOperation.PointStructList(points=request.points))
        return q.PointsOperationResponse(result=self.update(request, operation, context))

    def update(self, request, operation, context):
        with self.store.lock:
            shard = self.store.shard(request.collection_name, context)
            try:
                shard.update(self.converted(operation))
            except Exception as wrong:
                # What a server does without `wait`: it has taken it, and drops it later.
                if request.wait:
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {wrong}")
        return q.UpdateResult(status=q.Completed if request.wait else q.Acknowledged)

    def converted(self, operation):
        kind = operation.WhichOneof("operation")
        what = getattr(operation, kind)
        filter = filter_of(what.update_filter) if hasattr(what, "update_filter") and what.HasField("update_filter") else None
        update = edge.UpdateOperation
        if kind == "upsert":
            points = [
                edge.Point(GrpcToRest.convert_point_id(one.id), vectors(one.vectors), GrpcToRest.convert_payload(one.payload))
                for one in what.points
            ]
            mode = MODES[what.update_mode] if what.HasField("update_mode") else None
            return update.upsert_points(points, condition=filter, update_mode=mode)
        if kind == "update_vectors":
            points = [edge.PointVectors(GrpcToRest.convert_point_id(one.id), vectors(one.vectors)) for one in what.points]
            return update.update_vectors(points, condition=filter)
        selector = what.points if kind == "delete_points" else what.points_selector
        chosen = selector.WhichOneof("points_selector_one_of")
        which = filter_of(selector.filter) if chosen == "filter" else [GrpcToRest.convert_point_id(id) for id in selector.points.ids]
        if kind == "delete_points":
            return update.delete_points_by_filter(which) if chosen == "filter" else update.delete_points(which)
        payload = GrpcToRest.convert_payload(what.payload)
        return update.set_payload_by_filter(which, payload) if chosen == "filter" else update.set_payload(which, payload)

    def CreateFieldIndex(self, request, context):
        with self.store.lock:
            shard = self.store.shard(request.collection_name, context)
            wanted = q.FieldType.Name(request.field_type)[len("FieldType") :]
            kind = next(theirs for theirs, ours in INDEXES if q.PayloadSchemaType.Name(ours) == wanted)
            shard.update(edge.UpdateOperation.create_field_index(request.field_name, kind))
        return q.PointsOperationResponse(result=q.UpdateResult(status=q.Completed))

    def Count(self, request, context):
        with self.store.lock:
            count = self.store.shard(request.collection_name, context).count(edge.CountRequest(exact=True))
        return q.CountResponse(result=q.CountResult(count=count))

    def Scroll(self, request, context):
        with self.store.lock:
            shard = self.store.shard(request.collection_name, context)
            offset = GrpcToRest.convert_point_id(request.offset) if request.HasField("offset") else None
            wanted = edge.ScrollRequest(
                offset=offset, limit=request.limit or 10, filter=filter_of(request.filter), with_payload=True, with_vector=True
            )
            found, following = shard.scroll(wanted)
        from qdrant_client.conversions.conversion import RestToGrpc

        def point(record):
            return q.RetrievedPoint(
                id=RestToGrpc.convert_extended_point_id(id_of(record.id)),
                payload=RestToGrpc.convert_payload(record.payload or {}),
                vectors=stored(record.vector),
            )

        after = None if following is None else RestToGrpc.convert_extended_point_id(id_of(following))
        return q.ScrollResponse(result=[point(record) for record in found], next_page_offset=after)


def id_of(id):
    return id if isinstance(id, int) else str(id)


def stored(vectors):
    def one(vector):
        if isinstance(vector, edge.SparseVector):
            return q.VectorOutput(sparse=q.SparseVector(indices=vector.indices, values=vector.values))
        if vector and isinstance(vector[0], list):
            return q.VectorOutput(multi_dense=q.MultiDenseVector(vectors=[q.DenseVector(data=row) for row in vector]))
        return q.VectorOutput(dense=q.DenseVector(data=vector))

    if isinstance(vectors, dict):
        return q.VectorsOutput(vectors=q.NamedVectorsOutput(vectors={name: one(vector) for name, vector in vectors.items()}))
    return None if vectors is None else q.VectorsOutput(vector=one(vectors))


class Key(grpc.ServerInterceptor):
    def __init__(self, key):
        self.key = key
        self.refusal = grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token")
        )

    def intercept_service(self, following, details):
        given = dict(details.invocation_metadata).get("api-key")
        return following(details) if given == self.key or details.method.endswith("HealthCheck") else self.refusal


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    for name, default in (("port", "0"), ("version", "1.17.0"), ("api-key", None), ("cert", None), ("key", None)):
        arguments.add_argument(f"--{name}", default=default)
    given = arguments.parse_args()
    store = Store(given.folder)
    interceptors = [Key(given.api_key)] if given.api_key else []
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(8), interceptors=interceptors, options=options)
    qdrant_pb2_grpc.add_QdrantServicer_to_server(Health(given.version), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(Collections(store), server)
    points_service_pb2_grpc.add_PointsServicer_to_server(Points(store), server)
    address = f"127.0.0.1:{given.port}"
    if given.cert:
        pair = (Path(given.key).read_bytes(), Path(given.cert).read_bytes())
        port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(address)
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    server.start()
    print(json.dumps(port), flush=True)
    server.wait_for_termination()


main()
