// Telling people: the forms of mail and webhook, and a webhook that arrives.
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "../fixtures/test.ts";
import { setUp } from "../fixtures/portal.ts";

interface Got {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on this machine, which answers with `status`. */
async function receiver(): Promise<{ url: string; got: Got[]; answer: (status: number) => void; close: () => void }> {
  const got: Got[] = [];
  let status = 204;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      got.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((up) => server.listen(0, "127.0.0.1", up));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    got,
    answer: (next) => (status = next),
    close: () => server.close(),
  };
}

test.describe("notifications", { tag: "@forms" }, () => {
  test.use({ portalEnv: { QONDUIT_NOTICE_HOSTS: "127.0.0.1" } });

  test("a webhook is set up, its secret is shown once, and a test arrives signed", async ({ page, world }) => {
    const hook = await receiver();
    await setUp(world, page);
    await page.goto("/admin/notifications");
    await page.getByLabel("Address").fill(hook.url);
    await page.getByRole("button", { name: "Save webhook" }).click();
    const secret = await page.getByRole("textbox", { name: "Secret" }).inputValue();
    expect(secret).toMatch(/^whsec_/);
    world.secrets.add(secret);
    await page.reload();
    await expect(page.getByRole("textbox", { name: "Secret" })).toHaveCount(0);

    await page.getByRole("button", { name: "Send a test webhook" }).click();
    await expect(page.getByRole("status").filter({ hasText: /./ }).first()).toBeVisible();
    expect(hook.got).toHaveLength(1);
    const [{ headers, body }] = hook.got as [Got];
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    await expect(page.locator("tr").filter({ hasText: "Webhook" })).toContainText("Sent");

    hook.answer(500);
    await page.getByRole("button", { name: "Send a test webhook" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "answers with 500" }).first()).toBeVisible();
    await expect(page.locator("tr").filter({ hasText: "answers with 500" })).toContainText("Given up");
    hook.close();
  });

  test("what can't be taken is told at its field, and what was typed stays, the password aside", async ({
    page,
    world,
  }) => {
    await setUp(world, page);
    world.secrets.add("a-mail-password-nobody-may-find");
    await page.goto("/admin/notifications");
    await page.getByLabel("Mail server").fill("smtp.acme.example");
    await page.getByLabel("Port").fill("seventy");
    await page.getByLabel("User").fill("qonduit");
    await page.getByLabel("Password").fill("a-mail-password-nobody-may-find");
    await page.getByLabel("From").fill("nobody");
    await page.getByRole("button", { name: "Save mail" }).click();
    for (const field of ["Port", "From"]) {
      await expect(page.getByLabel(field)).toHaveAttribute("aria-invalid", "true");
    }
    await expect(page.getByLabel("Mail server")).toHaveValue("smtp.acme.example");
    await expect(page.getByLabel("Port")).toHaveValue("seventy");
    await expect(page.getByLabel("User")).toHaveValue("qonduit");
    await expect(page.getByLabel("Password")).toHaveValue("");
    await expect(page.getByRole("button", { name: "Send a test mail" })).toHaveCount(0);
  });
});
