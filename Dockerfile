# syntax=docker/dockerfile:1

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# make build runs the same line.
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/amogate ./cmd/amogate
# The image has no package manager to install these with.
RUN mkdir -p /out/etc/ssl/certs /out/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && echo 'amogate:x:65532:65532::/data:/amogate' > /out/etc/passwd \
 && echo 'amogate:x:65532:' > /out/etc/group \
 && chmod 1777 /out/tmp \
 && mkdir -p -m 700 /volume/data

FROM scratch
COPY --from=build /out/ /
# A new volume takes owner and mode from here.
COPY --from=build --chown=65532:65532 /volume/ /
USER 65532:65532
ENV AMOGATE_DATA_DIR=/data
# The store, the key ring and new tokens: it has to outlive the container.
VOLUME /data
WORKDIR /data
EXPOSE 8080 9090 9100
# Asks gRPC health at AMOGATE_GRPC_ADDR, as the server listens on.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/amogate", "healthcheck"]
ENTRYPOINT ["/amogate"]
CMD ["serve"]
