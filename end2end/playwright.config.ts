// The browser tests. Each test has a sandbox tenant and a server of its own, so
// any of them runs alone and in any order: `npx playwright test -g "renewed"`.
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const chromium = process.env.QONDUIT_CHROMIUM || "/usr/bin/chromium";

/** Not tied to a form: needs a script, or no browser at all. */
const FORMS = /@forms/;

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  workers: Math.min(2, Number(process.env.QONDUIT_E2E_WORKERS || 2)),
  forbidOnly: Boolean(process.env.CI),
  // A test that passes at the second try is a test or a product that fails.
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1280, height: 900 },
    locale: "en-GB",
    timezoneId: "UTC",
    colorScheme: "light",
    screenshot: "only-on-failure",
    trace: process.env.QONDUIT_E2E_TRACE ? "retain-on-failure" : "off",
    launchOptions: {
      // Playwright's own where this machine has no Chromium.
      executablePath: existsSync(chromium) ? chromium : undefined,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
  projects: [
    // `search` runs last, whatever became of the others.
    { name: "begin", testMatch: /begin\.setup\.ts/, teardown: "search" },
    { name: "search", testMatch: /leftovers\.search\.ts/ },
    { name: "with JavaScript", testMatch: /\.spec\.ts/, dependencies: ["begin"] },
    {
      name: "without JavaScript",
      testMatch: /\.spec\.ts/,
      grep: FORMS,
      dependencies: ["begin"],
      use: { javaScriptEnabled: false },
    },
  ],
});
