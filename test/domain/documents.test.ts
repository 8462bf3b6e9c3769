// Health, documents and problem pages, with stubs for what a deployment provides.
import { describe, expect, test } from "vitest";
import { getDocs } from "../../src/http/documents/get-docs.ts";
import { getDocsAsset } from "../../src/http/documents/get-docs-asset.ts";
import { getHealth } from "../../src/http/documents/get-health.ts";
import { getHealthLive } from "../../src/http/documents/get-health-live.ts";
import { getHealthReady } from "../../src/http/documents/get-health-ready.ts";
import { getOpenapi } from "../../src/http/documents/get-openapi.ts";
import { getProblem } from "../../src/http/documents/get-problem.ts";
import type { HealthReport, PlainServices } from "../../src/http/operation.ts";
import { PROBLEMS } from "../../src/http/problems.ts";

const request = (headers: Record<string, string> = {}) => new Request("http://localhost/", { headers });
const services = (status: HealthReport["status"] = "pass"): PlainServices => ({
  assets: async (path) =>
    path === "swagger-ui.css"
      ? new Response("body{}", { headers: { "Set-Cookie": "x=1" } })
      : new Response("no", { status: 404 }),
  health: async () => ({ status, version: "1.2.3", checks: { "postgres:us-primary": [{ status, lag: 0 }] } }),
  metrics: { token: undefined, isOpen: true, scrape: async () => "# EOF\n" },
  openapi: () => ({ openapi: "3.1.1" }),
});

describe("health", () => {
  test.each<[HealthReport["status"], number]>([
    ["pass", 200],
    ["warn", 200],
    ["fail", 503],
  ])("%s is %i", async (status, expected) => {
    for (const operation of [getHealth, getHealthReady]) {
      const response = await operation.handle(request(), {}, services(status));
      expect(response.status).toBe(expected);
      expect(response.headers.get("Content-Type")).toBe("application/health+json");
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(response.headers.has("Retry-After")).toBe(status === "fail");
      expect(await response.json()).toMatchObject({ status, version: "1.2.3" });
    }
  });

  test("only /health tells of the dependencies, and /health/live asks nobody", async () => {
    expect(await (await getHealth.handle(request(), {}, services())).json()).toHaveProperty("checks");
    expect(await (await getHealthReady.handle(request(), {}, services())).json()).not.toHaveProperty("checks");
    const live = await getHealthLive.handle(
      request(),
      {},
      { ...services(), health: () => Promise.reject(new Error("asked")) },
    );
    expect(live.status).toBe(200);
    expect(await live.json()).toEqual({ status: "pass" });
  });
});

describe("the reference", () => {
  test("is one document", async () => {
    const response = await getOpenapi.handle(request(), {}, services());
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual({ openapi: "3.1.1" });
  });

  test("is a page without anything inline or from elsewhere, and every file that it names exists", async () => {
    const response = await getDocs.handle(request(), {}, services());
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bon[a-z]+=|\bstyle=|https?:/);
    const files = [...html.matchAll(/"\/docs\/assets\/([^"]+)"/g)].map(([, file]) => file);
    expect(files.length).toBe(3);
    for (const file of files) expect(getDocsAsset.params.safeParse({ file }).success).toBe(true);
  });

  test("its files have their own headers, and only files that are listed are served", async () => {
    const response = await getDocsAsset.handle(request(), { file: "swagger-ui.css" }, services());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/css; charset=utf-8",
      "x-content-type-options": "nosniff",
    });
    expect(response.headers.has("Set-Cookie")).toBe(false);
    const start = await getDocsAsset.handle(request(), { file: "start.js" }, services());
    expect(await start.text()).toContain('url: "/openapi.json"');
    for (const file of ["index.html", "../package.json", "swagger-ui.css.map", "__proto__", "toString"])
      expect(getDocsAsset.params.safeParse({ file }).success).toBe(false);
    await expect(async () =>
      getDocsAsset.handle(request(), { file: "swagger-ui-bundle.js" }, services()),
    ).rejects.toThrow("lacks the asset");
  });
});

describe("problem pages", () => {
  test("explain every code, to programs and to people", async () => {
    for (const [code, { title, means, remedy }] of Object.entries(PROBLEMS)) {
      const asJson = await getProblem.handle(request({ Accept: "*/*" }), { code }, services());
      expect(await asJson.json()).toMatchObject({ code, title, means, remedy });
      expect(asJson.headers.get("Vary")).toBe("Accept");
      const asPage = await getProblem.handle(request({ Accept: "text/html,*/*;q=0.8" }), { code }, services());
      expect(asPage.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
      expect(await asPage.text()).toContain(`<code>${code}</code>`);
    }
  });
  test("exist for nothing else", () => {
    for (const code of ["nothing", "__proto__", "constructor", ""])
      expect(getProblem.params.safeParse({ code }).success).toBe(false);
  });
});
