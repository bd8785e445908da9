// Pictures of every state for people to look at, in `test-results/screens`; and
// that nothing is wider than the window, however narrow.
import { expect, test } from "../fixtures/test.ts";
import { everyState } from "../fixtures/gallery.ts";
import { connectedPortal } from "../fixtures/portal.ts";
import type { Page } from "@playwright/test";

const SCREENS = new URL("../test-results/screens", import.meta.url).pathname;
const SIZES = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];

/** What sticks out of the window, where anything does. */
async function wider(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.querySelectorAll("body *")].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    );
    return [`${scrollWidth} > ${clientWidth}`, ...out.slice(0, 5).map((element) => element.outerHTML.slice(0, 160))];
  });
}

// No colour half-way between two themes.
test.use({ contextOptions: { reducedMotion: "reduce" } });

test("every state is pictured, and fits 1280, 390 and 320 pixels", async ({
  page,
  world,
  newPerson,
  browserConsole,
}) => {
  test.setTimeout(300_000);
  browserConsole.allow(/status of 40[34]/);
  let number = 0;
  await everyState({
    world,
    page,
    newPerson,
    look: async (state, shown) => {
      number += 1;
      const name = `${String(number).padStart(2, "0")}-${state}`;
      for (const size of SIZES) {
        await shown.setViewportSize(size);
        expect.soft(await wider(shown), `${state} at ${size.width}`).toEqual([]);
        for (const colorScheme of ["light", "dark"] as const) {
          await shown.emulateMedia({ colorScheme });
          await shown.screenshot({ path: `${SCREENS}/${name}-${size.width}-${colorScheme}.png`, fullPage: true });
        }
      }
      // 1280 pixels at 400 %, as WCAG asks for.
      await shown.setViewportSize({ width: 320, height: 700 });
      expect.soft(await wider(shown), `${state} at 320`).toEqual([]);
      await shown.setViewportSize({ width: 1280, height: 900 });
      await shown.emulateMedia({ colorScheme: "light" });
    },
  });
});

test("the settings page is legible with text at 200 %", async ({ page, world }) => {
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
  expect(await wider(page)).toEqual([]);
  await page.screenshot({ path: `${SCREENS}/settings-text-200.png`, fullPage: true });
});

test("a page prints without its navigation", async ({ page, world }) => {
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("navigation", { name: "Main" })).toBeHidden();
  await page.screenshot({ path: `${SCREENS}/settings-printed.png`, fullPage: true });
});

// Written only on request: it differs a little each time. QONDUIT_E2E_DOCS=1
test("the picture of the readme", async ({ page, world }) => {
  test.skip(!process.env.QONDUIT_E2E_DOCS, "only where it is asked for");
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  await page.getByRole("button", { name: "Renew now" }).click();
  await expect(page.locator("#status-facts")).toContainText("Renewed");
  await expect(page.getByText("Old key", { exact: true })).toHaveCount(0);
  await page.goto("/admin/settings");
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  // Down to Save; what follows is for those who look closer.
  const form = await page.locator(".card", { has: page.getByRole("button", { name: "Save" }) }).boundingBox();
  const height = Math.ceil((form?.y ?? 0) + (form?.height ?? 0) + 16);
  await page.screenshot({
    path: new URL("../../docs/settings.png", import.meta.url).pathname,
    fullPage: true,
    clip: { x: 0, y: 0, width: 1280, height },
  });
});
