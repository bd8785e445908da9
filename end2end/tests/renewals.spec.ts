// The page of renewals: what comes, what was, and a dry run that changes nothing.
import { expect, test } from "../fixtures/test.ts";
import { connectedPortal, fact } from "../fixtures/portal.ts";

const says = (text: string | RegExp) => ({ hasText: text });

test.describe("renewals", { tag: "@forms" }, () => {
  test("a dry run makes a key, proves it and deletes it, and the key in use stays", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    const before = (await control.liveKeys()).map((key) => key.id).sort();
    await page.goto("/admin/settings");
    const key = await fact(page, "Key").innerText();
    await page.getByRole("link", { name: "Renewals" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Renewals" })).toBeVisible();
    await page.getByRole("button", { name: "Dry run" }).click();
    await expect(page.getByRole("status").filter(says("The next renewal would succeed.")).first()).toBeVisible();
    const row = page.getByRole("region", { name: "Attempts, newest first" }).locator("tr").filter(says("A dry run"));
    await expect(row).toContainText("Would succeed");
    expect((await control.liveKeys()).map((live) => live.id).sort(), "nothing is left at Qlik").toEqual(before);
    await page.goto("/admin/settings");
    expect(await fact(page, "Key").innerText()).toBe(key);
  });

  test("what would fail is shown before it fails, by the check and by the dry run", async ({ page, world }) => {
    const { control } = world;
    await connectedPortal(world, page);
    const ada = control.user("ada");
    for (let made = (await control.liveKeys()).length; made < 5; made += 1) await control.createKey(ada.id);
    await page.goto("/admin/settings/renewals");
    await page.getByRole("button", { name: "Check next renewal" }).click();
    await expect(page.getByRole("alert").filter(says("active API keys")).first()).toBeVisible();
    const lines = page.locator("ol.checks li");
    await expect(lines.filter(says("Failed"))).toHaveCount(1);
    await expect(lines.filter(says("Failed"))).toContainText("Delete one that is not needed");
    await page.getByRole("button", { name: "Dry run" }).click();
    await expect(page.getByRole("alert").filter(says("active API keys")).first()).toBeVisible();
    await page.goto("/admin/settings");
    await expect(page.locator("#status-says")).toContainText("The next renewal would fail.");
  });
});
