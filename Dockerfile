# The service as an image. The base images are build arguments: any with Node 24 and npm to build with, any with Node 24 to run with.
ARG BUILD_IMAGE=node:24-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY build.ts ./
COPY src ./src
ARG COMMIT=unknown
RUN npm run build

FROM ${RUNTIME_IMAGE}
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="acr-credential-injector" \
      org.opencontainers.image.description="Pulls private images from Alibaba Cloud Container Registry in every workload of a Kubernetes cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
WORKDIR /app
COPY LICENSE ./
COPY --from=build /build/dist/ ./
# Distroless images have Node in /nodejs/bin, others where they like.
ENV PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# By number, so that kubelet can tell that it is not root.
USER 65532:65532
EXPOSE 8443 8080
# Node would let the heap grow to several times of what is in use, give young objects 128 MB, and by chance make short-lived objects
# old ones, which keep what they refer to until all is collected; one thread beside the main one is enough. See docs/performance.md.
ENTRYPOINT ["node", "--max-semi-space-size=16", "--heap-growing-percent=40", "--no-allocation-site-pretenuring", "--v8-pool-size=1", "/app/main.js"]
CMD ["serve"]
