// How the page is built and tested. Assets carry their hash in their name, so that the server may let browsers keep
// them for ever; beside each text there is a gzip, so that the server packs nothing. Three sets of tests: `unit` needs
// nothing, `page` drives a Chromium (CHROMIUM, by default /usr/bin/chromium) and needs a build, `demo` does so against
// the program itself.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Texts shorter than this are not worth a second file. */
const MIN_GZIP_BYTES = 1024;

function clean() {
  return {
    name: "clean",
    apply: "build" as const,
    buildStart() {
      // `dist` itself stays, with the file that keeps it in git.
      for (const entry of ["assets", "index.html", "index.html.gz"]) {
        rmSync(join("dist", entry), { recursive: true, force: true });
      }
    },
  };
}

function gzip() {
  return {
    name: "gzip",
    apply: "build" as const,
    closeBundle() {
      const assets = readdirSync("dist/assets").map(name => join("dist/assets", name));
      for (const path of [...assets, "dist/index.html"]) {
        const bytes = readFileSync(path);
        if (!/\.(js|css|svg|html)$/.test(path) || bytes.length < MIN_GZIP_BYTES) continue;
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), clean(), gzip()],
  build: {
    outDir: "dist",
    emptyOutDir: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "charts", test: /node_modules[\\/](echarts|zrender)[\\/]/ },
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: "widgets", test: /node_modules[\\/]/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/v1": { target: "http://127.0.0.1:8040", ws: true } } },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "page",
          include: ["e2e/{pages,stream}.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { extends: true, test: { name: "demo", include: ["e2e/demo.test.ts"] } },
    ],
  },
});
