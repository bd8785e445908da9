// axe finds nothing: WCAG 2.2 AA and best practice, in every state of every
// page, light and dark, wide and narrow.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test } from "../fixtures/test.ts";
import { everyState } from "../fixtures/gallery.ts";
import { connectedPortal } from "../fixtures/portal.ts";
import type { Page } from "@playwright/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, each with its place, short enough to read. */
async function findings(page: Page): Promise<string[]> {
  // In the page itself: there are no frames, for which axe would open another page each time.
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).setLegacyMode(true).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary?.replace(/\s+/g, " ")}`),
  );
}

// No colour half-way between two themes.
test.use({ contextOptions: { reducedMotion: "reduce" } });

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing in any state, ${colorScheme}`, async ({ page, world, newPerson, browserConsole }) => {
    test.setTimeout(300_000);
    browserConsole.allow(/status of 40[34]/);
    let seen = 0;
    await everyState({
      world,
      page,
      newPerson,
      look: async (state, shown) => {
        seen += 1;
        await shown.emulateMedia({ colorScheme });
        expect.soft(await findings(shown), state).toEqual([]);
      },
    });
    expect(seen).toBeGreaterThan(30);
  });
}

test("axe would find something that is wrong", async ({ page, world }) => {
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  await page.evaluate(() => {
    document.querySelector("label[for=settings-web_integration_id]")?.remove();
    document.querySelector("h1")?.remove();
  });
  const found = (await findings(page)).join();
  expect(found).toContain("label: #settings-web_integration_id");
  expect(found).toContain("page-has-heading-one");
});

test("axe finds nothing on a narrow page with its menu open", async ({ page, world }) => {
  await connectedPortal(world, page);
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/apps", "/admin/settings", "/admin/users"]) {
    await page.goto(path);
    await page.locator("summary").filter({ hasText: "Menu" }).click();
    await expect(page.getByRole("navigation", { name: "Menu" }).getByRole("link", { name: "Audit" })).toBeVisible();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect.soft(await findings(page), `${path}, ${colorScheme}`).toEqual([]);
    }
  }
});

test("the keyboard reaches the content by the skip link, and every control shows its focus", async ({
  page,
  world,
}) => {
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  for (let step = 0; step < 25; step++) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      const visible = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
      return { what: at.outerHTML.slice(0, 120), visible };
    });
    expect(focus.visible, focus.what).toBe(true);
  }
});

test("nothing moves where no motion is wanted", async ({ page, world }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await connectedPortal(world, page);
  await page.goto("/admin/settings");
  const moving = await page.evaluate(() =>
    [...document.querySelectorAll("*")]
      .filter((element) => {
        const { transitionDuration, animationDuration, animationName } = getComputedStyle(element);
        const longest = (list: string): number => Math.max(...list.split(",").map((part) => parseFloat(part)));
        return longest(transitionDuration) > 0.01 || (animationName !== "none" && longest(animationDuration) > 0.01);
      })
      .map((element) => element.outerHTML.slice(0, 100)),
  );
  expect(moving).toEqual([]);
});
