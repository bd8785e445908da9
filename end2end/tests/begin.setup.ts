// Without the builds nothing can be tested; one message says so.
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { expect, test as begin } from "@playwright/test";
import { built } from "../fixtures/process.ts";

begin("the programs and the site are built", () => {
  const needed = [
    built.program("qonduit"),
    built.program("qlik-sandbox"),
    join(built.site, "pkg", "qonduit_bg.wasm"),
  ];
  const missing = needed.filter((path) => {
    try {
      accessSync(path, constants.R_OK);
      return false;
    } catch {
      return true;
    }
  });
  expect(missing, "`make bundle` and `cargo build` make these").toEqual([]);
});
