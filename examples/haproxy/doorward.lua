-- http-request lua.doorward ADDRESS: asks Doorward about a request.
--
-- On 200, and only then, the request carries Doorward's headers and txn.doorward is "allowed".
-- Anything else is the answer to the caller.

-- Every header that Doorward may set. What it leaves empty is deleted.
local OURS = {
    "doorward-assertion", "x-doorward-subject", "x-doorward-method", "x-doorward-credential",
    "x-doorward-scopes", "x-doorward-issuer", "x-doorward-decision",
}

-- What belongs to the caller's connection, frames its body, or tells the original request.
local DROPPED = {}
for _, name in ipairs({
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-method", "x-forwarded-proto",
    "x-forwarded-scheme", "x-forwarded-uri", "x-original-host", "x-original-method",
    "x-original-proto", "x-original-uri", "x-original-url", "x-rewrite-url",
}) do
    DROPPED[name] = true
end

-- What is not relayed of an answer.
local HOP = { ["connection"] = true, ["content-length"] = true, ["keep-alive"] = true,
    ["transfer-encoding"] = true }

-- HAProxy counts the values of a header from 0, its client takes them from 1.
local function values(list)
    local all = {}
    if list[0] ~= nil then all[1] = list[0] end
    for _, value in ipairs(list) do all[#all + 1] = value end
    return all
end

local function question(txn)
    local headers, hosts = {}, {}
    for name, list in pairs(txn.http:req_get_headers()) do
        if name == "host" then hosts = values(list) end
        if not DROPPED[name] then headers[name] = values(list) end
    end
    local scheme = "http"
    if txn.sf:ssl_fc() == "1" then scheme = "https" end
    headers["host"] = { "doorward" }
    headers["x-original-method"] = { txn.sf:method() }
    headers["x-original-uri"] = { txn.sf:pathq() }
    headers["x-forwarded-proto"] = { scheme }
    -- Two hosts are told as two, and refused.
    headers["x-forwarded-host"] = hosts
    headers["x-forwarded-for"] = { txn.sf:src() }
    return headers
end

local function answer(txn, status, from)
    local reply = txn:reply()
    reply:set_status(status)
    for name, list in pairs(from.headers or {}) do
        if not HOP[name] then
            for _, value in ipairs(values(list)) do reply:add_header(name, value) end
        end
    end
    if status ~= 204 and from.body ~= nil then reply:set_body(from.body) end
    txn:done(reply)
end

core.register_action("doorward", { "http-req" }, function(txn, address)
    local client = core.httpclient()
    local answered = client:get{
        url = "http://" .. address .. "/", headers = question(txn), timeout = 5000,
    }
    if answered == nil or answered.status == nil or answered.status < 200 then
        return answer(txn, 503, {})
    end
    if answered.status ~= 200 then
        local meant = (answered.headers or {})["doorward-status"]
        -- The answer to a browser's preflight.
        if meant ~= nil and values(meant)[1] == "204" then
            return answer(txn, 204, answered)
        end
        if answered.status < 400 then return answer(txn, 503, {}) end
        return answer(txn, answered.status, answered)
    end
    for _, name in ipairs(OURS) do
        txn.http:req_del_header(name)
        local told = values((answered.headers or {})[name] or {})
        if told[1] ~= nil and told[1] ~= "" then
            txn.http:req_set_header(name, told[1])
        end
    end
    txn:set_var("txn.doorward", "allowed")
end, 1)
