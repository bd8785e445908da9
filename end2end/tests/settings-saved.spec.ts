// The main job: three values, Save, the identity provider, and it is connected.
import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";
import { check, fact, fillSettings, health, rightValues, settingsForm, setUp } from "../fixtures/portal.ts";
import { PORTAL_NAME } from "../fixtures/world.ts";

const said = (page: Page, text: string | RegExp) => page.getByRole("status").filter({ hasText: text }).first();

test.describe("connecting", { tag: "@forms" }, () => {
  test("the page shows what Qlik needs to know before anything is stored", async ({ page, world }) => {
    await setUp(world, page);
    await page.goto("/admin/settings");
    await expect(page).toHaveTitle(`Administration / Settings · ${PORTAL_NAME}`);
    await expect(page.getByRole("navigation", { name: "Breadcrumb" })).toContainText("Settings");
    await expect(page.getByLabel("Tenant hostname", { exact: true })).toHaveValue("127.0.0.1");
    // Scheme and port are part of the origin where they aren't the standard ones.
    await expect(page.getByLabel("Origin for Qlik", { exact: true })).toHaveValue(world.origin);

    const credentials = page.getByRole("radio", { name: "Qlik credentials", exact: true });
    await expect(credentials).toBeEnabled();
    await expect(credentials).toHaveAccessibleDescription(/Each user registers theirs/);
    await expect(settingsForm(page).option).toBeChecked();

    await expect(page.getByLabel("Issuer", { exact: true })).not.toHaveValue("");
    await expect(page.getByLabel("Key ID", { exact: true })).not.toHaveValue("");
    await expect(page.getByRole("region", { name: "Certificate" })).toContainText("BEGIN CERTIFICATE");

    // The guides open in place, in today's words with the old ones as a note.
    const guide = page.locator("details", { hasText: "Manage API keys" });
    await expect(guide.getByText("Generate new key").first()).toBeHidden();
    await guide.locator("summary").click();
    await expect(guide.getByText("Generate new key").last()).toBeVisible();
    await expect(guide.getByText(/Developer\s+role/)).toBeVisible();
  });

  test("the right values are stored, and the identity provider is created after it was shown", async ({
    page,
    world,
  }) => {
    const { control } = world;
    const { host, web, key } = rightValues(world);
    await setUp(world, page);
    await page.goto("/admin/settings");
    // A pasted address becomes its host; spaces around a pasted value go.
    await fillSettings(page, { host: "https://ACME.eu.qlikcloud.com/hub", web: ` ${web} `, key: ` ${key}\n` });
    await settingsForm(page).save.click();

    // Stored, with the one thing that is left to do; the owner is named.
    await expect(said(page, "Connected, with one warning.")).toContainText("The key belongs to ada@acme.example");
    await expect(settingsForm(page).host).toHaveValue(host);
    await expect(settingsForm(page).web).toHaveValue(web);
    await expect(settingsForm(page).key).toHaveValue("");
    await expect(settingsForm(page).key).toHaveAccessibleDescription(/Set .*, ends .{4}\. Leave empty to keep it\./);
    expect(await page.content()).not.toContain(key);
    await expect(health(page)).toContainText("Needs a look");
    await expect(check(page, "identity_provider")).toContainText("no JWT identity provider of this portal yet");
    await expect(check(page, "jwt_login")).toContainText("Not checked");
    await expect(check(page, "apps")).toContainText("Not checked");
    for (const id of ["tenant", "key", "owner", "permission", "lifetime", "quota", "web_integration", "origin", "read_users"]) {
      await expect(check(page, id), id).toContainText("Passed");
    }

    // What will be created is shown whole, and nothing is created by looking.
    await page.getByRole("link", { name: "See what will be created" }).click();
    await expect(page).toHaveURL("/admin/settings/identity-provider");
    const plan = page.getByRole("main");
    for (const words of ["JWT", "Issuer", "Key ID", "BEGIN CERTIFICATE", host, control.demo.tenant_id]) {
      await expect(plan).toContainText(words);
    }
    const shown = await plan.innerText();
    expect((await control.tenant()).idps).toHaveLength(0);

    await page.getByRole("button", { name: "Create identity provider" }).click();
    await expect(page).toHaveURL("/admin/settings");
    await expect(said(page, "The identity provider is in the Qlik tenant.")).toContainText(
      "ada@acme.example sees 32 apps.",
    );
    const { idps } = await control.tenant();
    expect(idps).toHaveLength(1);
    expect(shown).toContain(idps[0]?.issuer);
    expect(shown).toContain(idps[0]?.kid);

    // Healthy, with what one wants to know of the key.
    await expect(health(page)).toContainText("Healthy");
    await expect(fact(page, "Qlik tenant")).toContainText(control.demo.permanent_host);
    await expect(fact(page, "Key")).toContainText(`…${control.demo.api_key_id.slice(-4)}`);
    await expect(fact(page, "Key")).toContainText("of ada@acme.example");
    await expect(fact(page, "Key")).toContainText(/Fingerprint [0-9a-f]+/);
    await expect(fact(page, "Expires")).toContainText(/\d{1,2} \w{3} \d{4}, \d\d:\d\d.*\(in 2 d 23 h\)/);
    await expect(fact(page, "Next renewal")).toContainText(/in 1 d 23 h/);
    await expect(fact(page, "Last renewal")).toContainText("None yet");
    await expect(page.locator("li.check").getByText("Passed", { exact: true })).toHaveCount(20);

    // Looking again offers nothing twice.
    await page.goto("/admin/settings/identity-provider");
    await expect(page.getByRole("main")).toContainText("This portal created it before");
    await page.getByRole("button", { name: "Create identity provider" }).click();
    await expect(page).toHaveURL("/admin/settings");
    expect((await control.tenant()).idps).toHaveLength(1);
  });

  test("the identity provider may be created by hand from the values that the page shows", async ({
    page,
    world,
  }) => {
    const { control } = world;
    await setUp(world, page);
    await page.goto("/admin/settings");
    await control.call("POST", "/idps", {
      tenant: control.demo.tenant_id,
      issuer: await page.getByLabel("Issuer", { exact: true }).inputValue(),
      kid: await page.getByLabel("Key ID", { exact: true }).inputValue(),
      pem: await page.getByRole("region", { name: "Certificate" }).innerText(),
    });
    await fillSettings(page, rightValues(world));
    await settingsForm(page).save.click();
    await expect(said(page, "Connected. ada@acme.example sees 32 apps.")).toBeVisible();
    await expect(health(page)).toContainText("Healthy");
  });

  test("a key that may not create the identity provider says so", async ({ page, world }) => {
    const { control } = world;
    await setUp(world, page);
    await page.goto("/admin/settings");
    await fillSettings(page, rightValues(world));
    await settingsForm(page).save.click();
    await expect(page.getByRole("link", { name: "See what will be created" })).toBeVisible();
    await control.changeUser(control.user("ada").id, { roles: [], may_read_users: true });
    await page.getByRole("link", { name: "See what will be created" }).click();
    await page.getByRole("button", { name: "Create identity provider" }).click();
    await expect(page).toHaveURL("/admin/settings/identity-provider");
    await expect(page.getByRole("alert")).toContainText("It takes the key of a Tenant Admin");
    expect((await control.tenant()).idps).toHaveLength(0);
  });

  test("an administrator who sees nothing is warned, and it is stored all the same", async ({ page, world }) => {
    const { control } = world;
    await setUp(world, page);
    // Ada is no Tenant Admin here and shares no space, so the key is another's.
    const boss = await control.call<{ id: string }>("POST", "/users", {
      tenant: control.demo.tenant_id,
      email: "boss@acme.example",
      roles: ["TenantAdmin"],
      manage_api_keys: true,
    });
    const { id } = await control.call<{ id: string }>("POST", "/users", {
      tenant: control.demo.tenant_id,
      email: "ada2@acme.example",
    });
    await control.changeUser(control.user("ada").id, { email: "elsewhere@acme.example" });
    await control.changeUser(id, { email: "ada@acme.example" });
    const key = await control.createKey(boss.id);

    await page.goto("/admin/settings");
    await fillSettings(page, { ...rightValues(world), key: key.token });
    await settingsForm(page).save.click();
    await page.getByRole("link", { name: "See what will be created" }).click();
    await page.getByRole("button", { name: "Create identity provider" }).click();
    await expect(page).toHaveURL("/admin/settings");
    const line = check(page, "apps");
    await expect(line).toContainText("Warning");
    await expect(line).toContainText("ada@acme.example can sign in, and sees no apps.");
    await expect(health(page)).toContainText("Needs a look");
  });

  test("where users can't be read, their e-mail is sent as subject only by explicit choice", async ({
    page,
    world,
  }) => {
    const { control } = world;
    await control.changeUser(control.user("ada").id, { may_read_users: false });
    await setUp(world, page);
    await page.goto("/admin/settings");
    await fillSettings(page, rightValues(world));
    const choice = page.getByRole("checkbox", { name: /e-mail as subject/ });
    await expect(choice).toBeHidden();
    await settingsForm(page).save.click();
    await expect(check(page, "read_users")).toContainText("Failed");

    // Now the way on is shown, with what Qlik may do to a user.
    await expect(choice).toBeVisible();
    await expect(choice).not.toBeChecked();
    await expect(choice).toHaveAccessibleDescription(/may then be changed to the new subject/);
    await choice.check();
    await settingsForm(page).key.fill(rightValues(world).key);
    await settingsForm(page).save.click();
    await expect(page.getByRole("button", { name: "Renew now" })).toBeVisible();
    await expect(check(page, "read_users")).toContainText("Warning");
  });
});
